"""What the routes need of the service that they belong to."""

from typing import Annotated

from fastapi import Depends, Request

from api.runs import Runs


def _runs(request: Request) -> Runs:
    bench = request.app.state.runs
    assert isinstance(bench, Runs)
    return bench


Bench = Annotated[Runs, Depends(_runs)]
