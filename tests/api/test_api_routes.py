"""api/service.py, api/routes, api/problems.py and api/security.py"""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sample_run import ABORTED, COMPLETE, INTERRUPTED

from api.cli.openapi import description
from api.records import load_record
from api.service import create_app
from api.settings import load_settings

CHECKOUT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"
NO_RUN = "20260101-000000-0000"


def test_the_committed_openapi_is_the_services() -> None:
    """docs/reference/openapi.json is what the service says; `tankcal openapi --out` renews it."""
    assert description() == (CHECKOUT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8")


def test_openapi_needs_nothing_opened(tmp_path: Path) -> None:
    """Describing the service makes no folder and no database."""
    create_app(load_settings(), tmp_path / "data").openapi()
    assert not (tmp_path / "data").exists()


def test_runs_are_listed_newest_first(client: TestClient) -> None:
    """All runs, with their result where there is one."""
    answer = client.get("/api/v1/runs").json()
    assert [run["id"] for run in answer["runs"]] == [INTERRUPTED, ABORTED, COMPLETE]
    assert answer["after"] is None
    assert [run["verdict"] for run in answer["runs"]] == [None, "none", "pass"]
    assert answer["runs"][2]["expanded_uncertainty_ml"] > 0


def test_pages_follow_the_cursor(client: TestClient) -> None:
    """`after` of one page brings the next one."""
    first = client.get("/api/v1/runs", params={"limit": 2}).json()
    rest = client.get("/api/v1/runs", params={"limit": 2, "after": first["after"]}).json()
    assert [run["id"] for run in first["runs"] + rest["runs"]] == [INTERRUPTED, ABORTED, COMPLETE]
    assert rest["after"] is None


def test_the_list_is_narrowed(client: TestClient) -> None:
    """State, operator and text narrow it."""
    for params in ({"state": "Aborted"}, {"operator": "M. Chen"}, {"q": "chen"}):
        answer = client.get("/api/v1/runs", params=params).json()
        assert [run["id"] for run in answer["runs"]] == [ABORTED]


def test_one_run_with_its_readings(client: TestClient) -> None:
    """A run's detail has every reading that is evidence, and the hash of the record's last line."""
    answer = client.get(f"/api/v1/runs/{COMPLETE}").json()
    assert answer["state"] == "Complete"
    assert [reading["target"] for reading in answer["readings"]] == [0, 0, -240, -120, 0, 120, 240]
    assert re.fullmatch(r"[0-9a-f]{64}", answer["record_head"])


def test_evidence_is_served_as_it_lies_on_the_disk(client: TestClient, recorded: Path) -> None:
    """Record, result and frames come byte for byte."""
    folder = recorded / COMPLETE
    base = f"/api/v1/runs/{COMPLETE}"
    assert client.get(f"{base}/record").content == (folder / "record.jsonl").read_bytes()
    assert client.get(f"{base}/result").content == (folder / "result.json").read_bytes()
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    frame = client.get(f"{base}/frames/{name}")
    assert frame.content == (folder / "frames" / f"{name}.png").read_bytes()
    assert frame.headers["content-type"] == "image/png"
    assert "immutable" in frame.headers["cache-control"]


def test_a_frame_has_its_reading_drawn_in(client: TestClient, recorded: Path) -> None:
    """The overlay is a JPEG, also of a picture that is refused."""
    name = next(load_record(recorded / COMPLETE).of_kind("observation"))["data"]["frames"][0]
    answer = client.get(f"/api/v1/runs/{COMPLETE}/overlay/{name}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/runs/{NO_RUN}",
        f"/api/v1/runs/{NO_RUN}/result",
        f"/api/v1/runs/{NO_RUN}/record",
        f"/api/v1/runs/{INTERRUPTED}/result",
        f"/api/v1/runs/{COMPLETE}/frames/{'0' * 64}",
        f"/api/v1/runs/{COMPLETE}/overlay/{'0' * 64}",
        "/api/v1/live/picture.jpg",
        "/api/v1/live/gauges/dial/picture.jpg",
        "/api/v1/nothing",
    ],
)
def test_what_is_not_there_is_a_problem(client: TestClient, path: str) -> None:
    """404 as problem+json with a sentence."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == 404
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/..%2f..%2fetc",
        "/api/v1/runs/passwd",
        "/api/v1/runs?limit=0",
        "/api/v1/runs?limit=x",
        "/api/v1/runs?after=DROP",
        f"/api/v1/runs/{COMPLETE}/frames/..%2frecord.jsonl",
    ],
)
def test_what_is_no_name_or_number_is_refused(client: TestClient, path: str) -> None:
    """Paths come from ids and hashes alone; the answer says which field is wrong."""
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "body",
    [
        {"measur": "demo-20l"},
        {"measure": 20},
        {"measure": "../measures/demo-20l"},
        {"measure": ""},
        {"operator": ""},
        {"operator": "a\nb"},
        {"operator": "x" * 101},
        [],
    ],
)
def test_a_request_that_is_not_as_described_is_refused(client: TestClient, body: object) -> None:
    """Unknown fields, other types, and names that are none are 422, and nothing is started."""
    answer = client.post("/api/v1/runs", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["fields"]
    assert client.get("/api/v1/live").json()["run"] is None


def test_a_configuration_that_is_not_there_is_named(client: TestClient) -> None:
    """A name without a file is 422 with the names that there are."""
    answer = client.post("/api/v1/runs", json={"measure": "demo-50l"})
    assert answer.status_code == 422
    assert "demo-20l" in answer.json()["detail"]


def test_nothing_running_takes_no_command(client: TestClient) -> None:
    """A command for an idle bench is 409, an unknown one 422."""
    answer = client.post("/api/v1/live/commands", json={"command": "hold"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == PROBLEM
    assert client.post("/api/v1/live/commands", json={"command": "explode"}).status_code == 422


def test_an_answer_without_a_prompt_is_refused(client: TestClient) -> None:
    """No run: 409; an answer that is not whole: 422."""
    whole = {"number": 1, "person": "J. Lin", "confirmed": [0], "values": {}}
    assert client.post("/api/v1/live/answers", json=whole).status_code == 409
    assert client.post("/api/v1/live/answers", json={**whole, "person": ""}).status_code == 422


def test_what_can_be_run(client: TestClient) -> None:
    """The setup names every file of the configuration, and the defaults."""
    answer = client.get("/api/v1/setup").json()
    assert "demo-20l" in answer["measures"]
    assert answer["defaults"]["procedure"] == "verify-measure"
    assert answer["simulated"] is False


def test_health(client: TestClient) -> None:
    """The service says that it and its database work."""
    answer = client.get("/health").json()
    assert (answer["status"], answer["database"], answer["running"]) == ("ok", "ok", None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_change_nothing(client: TestClient, headers: dict[str, str]) -> None:
    """A request that writes and comes from another site's page is 403."""
    answer = client.post("/api/v1/live/commands", json={"command": "abort"}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == PROBLEM


def test_our_own_page_may_write(client: TestClient) -> None:
    """A request with our own origin gets through to the bench."""
    headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/api/v1/live/commands", json={"command": "abort"}, headers=headers)
    assert answer.status_code == 409


def test_only_known_hosts_are_served(client: TestClient) -> None:
    """A name that was bent to the loopback (DNS rebinding) is refused."""
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/health", headers={"Host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/live", f"/runs/{COMPLETE}", f"/runs/{NO_RUN}", "/static/live.js", "/nope"]
)
def test_pages_load_nothing_foreign(client: TestClient, path: str) -> None:
    """Every page has a policy that allows its own files alone, and obeys it."""
    answer = client.get(path)
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert " onclick" not in answer.text
    foreign = set(re.findall(r"https?://[^\s\"'<>)]+", answer.text)) - {"http://www.w3.org/2000/svg"}
    assert {address for address in foreign if "w3.org" not in address} == set()


def test_a_person_gets_a_page_where_something_is_wrong(client: TestClient) -> None:
    """A page that isn't there is a page that says so, not JSON."""
    answer = client.get(f"/runs/{NO_RUN}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert NO_RUN in answer.text


def test_the_list_page_shows_the_runs(client: TestClient) -> None:
    """State, item, error with its uncertainty, verdict, and a link to each run."""
    text = client.get("/").text
    for words in ("Interrupted", "Aborted", "Complete", "J. Lin", "pass", "no verdict", f"/runs/{COMPLETE}"):
        assert words in text
    assert "M. Chen" not in client.get("/", params={"q": "Lin"}).text


def test_the_result_page_shows_all_of_the_result(client: TestClient, recorded: Path) -> None:
    """Verdict as a sentence, charts with tables, repeats, budget, frames, links to the files."""
    result = json.loads((recorded / COMPLETE / "result.json").read_bytes())
    text = unescape(client.get(f"/runs/{COMPLETE}").text)
    assert result["verdict"]["sentence"] in text
    assert text.count("<svg xmlns") == 4
    assert text.count("<details>") == 3
    for row in result["budget"]:
        assert row["quantity"] in text
    for repeat in result["repeats"]:
        assert repeat["frames"][0] in text
    assert f"/api/v1/runs/{COMPLETE}/record" in text


def test_a_run_without_result_says_why(client: TestClient) -> None:
    """An interrupted run has a page too."""
    text = client.get(f"/runs/{INTERRUPTED}").text
    assert "interrupted" in text
    assert "Uncertainty budget" not in text


def test_pages_come_in_chinese(client: TestClient) -> None:
    """`?lang=` switches and is remembered; else the browser's wish counts."""
    assert 'lang="zh-TW"' in client.get("/", headers={"Accept-Language": "zh-TW,zh;q=0.9"}).text
    assert "檢定紀錄" in client.get("/", params={"lang": "zh-TW"}).text
    assert "檢定紀錄" in client.get("/").text
    assert "檢定紀錄" not in client.get("/", params={"lang": "en"}).text


def test_texts_of_a_record_are_text(tmp_path: Path) -> None:
    """An operator's name that is markup stays a name."""
    from sample_run import write_run

    write_run(tmp_path, COMPLETE, operator="<script>alert(1)</script>")
    with TestClient(create_app(load_settings(), tmp_path), base_url="http://127.0.0.1") as client:
        for path in ("/", f"/runs/{COMPLETE}"):
            text = client.get(path).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert" in text
