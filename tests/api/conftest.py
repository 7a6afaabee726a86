"""What tests of the roof share: a data folder, and the service over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sample_run import ABORTED, COMPLETE, INTERRUPTED, write_run

from api.service import create_app
from api.settings import load_settings

HOST = "http://127.0.0.1"


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a complete, an aborted and an interrupted run; nobody changes it."""
    data = tmp_path_factory.mktemp("recorded")
    write_run(data, COMPLETE, operator="J. Lin")
    write_run(data, ABORTED, operator="M. Chen", outcome="aborted")
    write_run(data, INTERRUPTED, outcome=None, with_result=False)
    return data


@pytest.fixture
def client(recorded: Path) -> Iterator[TestClient]:
    """The service over the recorded runs, without a rig."""
    with TestClient(create_app(load_settings(), recorded), base_url=HOST) as client:
        yield client
