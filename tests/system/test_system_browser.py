"""The pages in a real browser: start a run, watch it, open its result, abort another one."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from processes import Service, serving

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RUN_LIMIT_MS = 150_000

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium; without it the tests are skipped, but not in a pipeline."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"no {CHROMIUM}")
        pytest.skip(f"no {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on the simulated rig."""
    with serving(tmp_path_factory.mktemp("browser")) as service:
        yield service


class Watched:
    """A page that notes what must not happen: errors on its console, requests that leave the host."""

    def __init__(self, browser: Browser, service: Service, width: int = 1600, height: int = 900) -> None:
        self.context = browser.new_context(
            base_url=service.address, viewport={"width": width, "height": height}
        )
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self._host = service.address
        self.page.on(
            "console",
            lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._host, "data:")):
            self.wrong.append(f"asked {request.url}")


@pytest.fixture
def watched(browser: Browser, service: Service) -> Iterator[Watched]:
    """A page that must end without anything wrong."""
    watched = Watched(browser, service)
    yield watched
    watched.context.close()
    assert watched.wrong == []


def start_a_run(page: Page, operator: str) -> None:
    page.goto("/")
    page.get_by_label("Operator").fill(operator)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/live")


def test_a_run_is_started_watched_and_its_result_opened(watched: Watched, service: Service) -> None:
    """From the list to the live page, to the end, to the result: verdict, charts, pictures, record."""
    page = watched.page
    start_a_run(page, "J. Lin")
    expect(page.locator("[data-word]")).to_have_text("Execute")
    expect(page.locator("[data-about]")).to_contain_text("J. Lin")
    expect(page.locator("[data-tag=balance]")).to_contain_text("g")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="Abort")).to_be_enabled()
    expect(page.locator("[data-level]")).to_contain_text("mL", timeout=RUN_LIMIT_MS)
    picture = page.locator("[data-picture]")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 960
    dial = page.locator("[data-gauges] li[data-name=line_gauge]")
    expect(dial.locator(".value")).to_contain_text(" bar, u = ", timeout=RUN_LIMIT_MS)
    expect(dial.locator(".wire")).to_contain_text("kPa")
    expect(dial.locator("img")).to_be_visible()
    expect(page.locator("[data-word]")).to_have_text("Complete", timeout=RUN_LIMIT_MS)
    shown = {item.get_attribute("data-name") for item in page.locator("[data-gauges] li").all()}
    assert shown == {"line_gauge", "balance_display", "water_thermometer"}
    page.get_by_role("link", name="Open the result").click()
    expect(page.get_by_role("heading", name="Verdict")).to_be_visible()
    assert page.locator("figure.chart svg").count() == 4
    page.get_by_text("Data as a table").first.click()
    expect(page.locator("details table").first).to_be_visible()
    drawn = page.locator(".pictures img")
    assert drawn.count() == 7
    drawn.first.scroll_into_view_if_needed()
    expect(drawn.first).to_have_js_property("complete", True)
    assert drawn.first.evaluate("image => image.naturalWidth") == 960
    with page.expect_download() as record:
        page.get_by_role("link", name="record.jsonl").click()
    run = page.url.rpartition("/")[2]
    assert record.value.path().read_bytes() == (service.data / run / "record.jsonl").read_bytes()
    page.get_by_role("link", name="Runs", exact=True).click()
    row = page.get_by_role("row").filter(has_text="J. Lin")
    expect(row).to_contain_text("Complete")
    expect(row).to_contain_text(re.compile(r"\d ± \d"))


def test_a_run_is_held_resumed_and_aborted_by_key(watched: Watched, service: Service) -> None:
    """Hold shows why, Resume goes on, Esc aborts; then the bench must be cleared."""
    page = watched.page
    start_a_run(page, "M. Chen")
    word = page.locator("[data-word]")
    expect(word).to_have_text("Execute")
    page.get_by_role("button", name="Hold").click()
    expect(word).to_have_text("Held")
    expect(page.locator("[data-why]")).not_to_be_empty()
    page.get_by_role("button", name="Resume").click()
    expect(word).to_have_text("Execute")
    page.keyboard.press("Escape")
    expect(word).to_have_text("Aborted", timeout=20_000)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()
    page.get_by_role("button", name="The bench is in order: clear").click()
    expect(start).to_be_enabled()
    page.goto("/?state=Aborted")
    expect(page.get_by_role("row").filter(has_text="M. Chen")).to_contain_text("Aborted")


def test_a_technicians_hands_are_asked_for_and_recorded(watched: Watched, service: Service) -> None:
    """The prompt wants every check and takes the answer; then the next; the record names the person."""
    page = watched.page
    page.goto("/")
    page.get_by_label("Operator").fill("J. Lin")
    page.get_by_label("Procedure").select_option("verify-measure-attended")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/live")
    prompt = page.locator("[data-prompt-card]")
    for text in ("Inspect the measure", "Place the measure"):
        expect(prompt.locator("[data-prompt-text]")).to_contain_text(text)
        done = prompt.get_by_role("button", name="Done, go on")
        done.click()
        expect(prompt).to_be_visible()  # nothing is ticked: the browser asks for it
        for check in prompt.get_by_role("checkbox").all():
            check.check()
        prompt.get_by_label("Done by").fill("M. Chen")
        done.click()
    expect(prompt).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("[data-word]")).to_have_text("Aborted", timeout=RUN_LIMIT_MS)
    page.get_by_role("button", name="The bench is in order").click()
    run = page.locator("[data-result-link] a").get_attribute("href")
    assert run is not None
    record = (service.data / run.rpartition("/")[2] / "record.jsonl").read_text(encoding="utf-8")
    assert record.count('"person":"M. Chen"') == 2


def test_a_busy_bench_is_said_on_the_form(watched: Watched, browser: Browser, service: Service) -> None:
    """Two people start at once: the second one reads that the bench is busy, on the page where they are."""
    other = Watched(browser, service)
    other.page.goto("/")
    start_a_run(watched.page, "first")
    expect(watched.page.locator("[data-word]")).to_have_text("Execute")
    other.page.get_by_role("button", name="Start", exact=True).click()
    expect(other.page.get_by_role("alert")).to_contain_text("busy")
    other.context.close()
    watched.page.get_by_role("button", name="Stop").click()
    expect(watched.page.locator("[data-word]")).to_have_text("Stopped", timeout=20_000)


@pytest.mark.parametrize("path", ["/", "/live", "last"])
def test_pages_fit_a_telephone(browser: Browser, service: Service, path: str) -> None:
    """At 360 pixels nothing sticks out of the page, in either language."""
    watched = Watched(browser, service, width=360, height=760)
    page = watched.page
    for language in ("en", "zh-TW"):
        page.goto("/?verdict=pass" if path == "last" else path)
        if path == "last":
            page.locator("a.row").first.click()
        page.goto(f"{page.url.partition('?')[0]}?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    watched.context.close()
    assert watched.wrong == []
