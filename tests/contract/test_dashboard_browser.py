"""Dashboard and status page in a real browser: phone and desk, light and dark, by keyboard, and when old."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from instancectl.adapters.web_dashboard import DashboardServer
from instancectl.core.monitoring.overview import Firing
from instancectl.core.monitoring.panels import PAGES
from instancectl.core.monitoring.surfaces import slis_of
from tests.contract.chromium import PROGRAM, Chromium, Page
from tests.operations.looked_at import ROOT, LookedAt, fill_ledger
from tests.operations.quieted import FORM, Quieted
from tests.operations.watched import CONFIG

pytestmark = [pytest.mark.contract, pytest.mark.skipif(not PROGRAM, reason="there is no Chromium")]

FIRING = Firing("DatabaseDown", "page", "PostgreSQL does not answer", 1_795_326_000.0, "database-down")
LEAST_CONTRAST = 4.5
"""Of text against what is behind it, by WCAG 2.2 level AA."""

CONTRAST = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255)
      .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const rgba = parse(getComputedStyle(one).backgroundColor);
      if (rgba.length < 4 || rgba[3] > 0) return rgba.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const own = (element) => [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
  let worst = [99, ""];
  for (const element of document.querySelectorAll("body *")) {
    if (!own(element) || element.matches("title, noscript, .skip, [hidden]")) continue;
    const ink = light(parse(getComputedStyle(element).color).slice(0, 3)), paper = light(behind(element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < worst[0]) worst = [ratio, element.outerHTML.slice(0, 120)];
  }
  return worst;
})()"""

SIDEWAYS = """[...document.querySelectorAll(".scroll")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"""
"""Tables of which a part is out of sight."""

INKED = """(() => {
  const canvas = document.querySelector("[data-panel=latency] canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const rgb = data.slice(at, at + 3);
    if (data[at + 3] > 200 && Math.max(...rgb) - Math.min(...rgb) > 90) found += 1;
  }
  return found;
})()"""
"""Pixels of a chart that are neither grid nor writing: those are grey."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as made:
        yield made


@pytest.fixture
def world() -> LookedAt:
    made = LookedAt(alerts=(FIRING,))
    fill_ledger(made.world.ledger, slis_of(CONFIG), made.now, days=3)
    made.world.redis.push("push", {"class": "X", "enqueued_at": int((made.now - 400) * 1000)})
    made.look()
    for _ in range(5):
        made.later().look()
    return made


@pytest.fixture
def server(world: LookedAt) -> Iterator[DashboardServer]:
    made = DashboardServer(("127.0.0.1", 0), world.dashboard, ROOT / "monitoring" / "dashboard")
    made.start()
    yield made
    made.close()


def base(server: DashboardServer) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("width", "dark"), [(1200, True), (320, False)])
def test_pages_fit_can_be_read_and_ask_nobody_else(
    browser: Chromium, server: DashboardServer, width: int, dark: bool
) -> None:
    for one in PAGES:
        page = browser.open(f"{base(server)}/{one.slug}", width=width, dark=dark)
        if one.panels:
            drawn(page)
        assert not page.complaints, (one.slug, page.complaints)
        assert all(url.startswith(base(server)) for url in page.requests)
        assert page.value("document.documentElement.scrollWidth <= innerWidth"), one.slug
        assert page.value(SIDEWAYS) == [], one.slug
        assert page.value(
            "document.querySelector('[aria-current]').getBoundingClientRect().right <= innerWidth"
        )
        ratio, where = page.value(CONTRAST)
        assert ratio >= LEAST_CONTRAST, (one.slug, where)


def drawn(page: Page) -> None:
    page.until(
        "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('canvas') || "
        "plot.parentElement.querySelector('.nothing').textContent)"
    )


def test_values_in_the_page_are_the_readings(
    browser: Chromium, server: DashboardServer, world: LookedAt
) -> None:
    read = {(one.metric.name, "|".join(one.labels)): one.value for one in world.dashboard.facts().samples}
    page = browser.open(f"{base(server)}/queues")
    found = page.value(
        "[...document.querySelectorAll('[data-metric]')].map((one) => ({...one.dataset}))"
    )  # fmt: skip
    assert len(found) > 40
    for one in found:
        if "value" in one:
            assert float(one["value"]) == read[one["metric"], one["labels"]], one


def test_a_chart_has_a_line_for_each_queue_and_another_window_on_demand(
    browser: Chromium, server: DashboardServer
) -> None:
    page = browser.open(f"{base(server)}/queues")
    drawn(page)
    assert page.value("document.querySelector('[data-panel=latency]').dataset.lines") == "7"
    page.value("document.querySelector('[data-window=\"1h\"]').click()")
    page.until("document.querySelector('[data-window=\"1h\"]').getAttribute('aria-pressed') === 'true'")
    drawn(page)
    assert any("latency?window=1h" in url for url in page.requests)


def test_the_first_reading_after_a_restart_is_seen_in_its_chart(browser: Chromium) -> None:
    once = LookedAt().look()
    with contextlib.closing(
        DashboardServer(("127.0.0.1", 0), once.dashboard, ROOT / "monitoring" / "dashboard")
    ) as made:
        made.start()
        page = browser.open(f"{base(made)}/queues")
        drawn(page)
        assert page.value(INKED) > 0


def test_a_chart_tells_its_newest_values_and_its_times_in_utc(
    browser: Chromium, server: DashboardServer, world: LookedAt
) -> None:
    page = browser.open("about:blank")
    page.ask("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    page.go(f"{base(server)}/queues")
    drawn(page)
    legend = page.until("document.querySelector('[data-panel=size] .u-legend').textContent")
    at = datetime.fromtimestamp(world.dashboard.series("size", "24h")["times"][-1], UTC)
    assert f"{at:%d/%m/%Y, %H:%M:%S} UTC" in legend
    assert "push1" in legend.replace(":", "")


def test_a_page_follows_without_being_loaded_again(
    browser: Chromium, server: DashboardServer, world: LookedAt
) -> None:
    page = browser.open(f"{base(server)}/queues")
    page.value("window.same = true; document.querySelector('.scroll').focus()")
    world.world.redis.push("ingress", {"class": "X", "enqueued_at": int(world.now * 1000)})
    world.later().look()
    page.value("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("document.querySelector('[data-labels=ingress]').dataset.value === '1.0'")
    assert page.value("window.same")
    assert page.value("document.activeElement.className") == "scroll"


def test_when_the_agent_is_gone_the_page_says_so(browser: Chromium, server: DashboardServer) -> None:
    page = browser.open(f"{base(server)}/")
    server.close()
    for _ in range(2):
        page.value("document.dispatchEvent(new Event('visibilitychange'))")
        time.sleep(0.5)
    page.until("!document.getElementById('lost').hidden")
    assert "what is shown is old" in page.value("document.getElementById('lost').textContent")


def test_all_of_it_is_reached_by_keyboard(browser: Chromium, server: DashboardServer) -> None:
    page = browser.open(f"{base(server)}/")
    page.key("Tab", 9)
    assert page.value("document.activeElement.textContent") == "To the content"
    seen = []
    for _ in range(30):
        page.key("Tab", 9)
        seen.append(page.value("document.activeElement.textContent.slice(0, 30)"))
        visible = page.value("getComputedStyle(document.activeElement).outlineStyle")
        assert visible != "none" or page.value("document.activeElement === document.body")
    assert {"Queues", "SLO", "DatabaseDown", "7d"} <= set(seen)


def test_an_alert_leads_to_its_runbook(browser: Chromium, server: DashboardServer) -> None:
    page = browser.open(f"{base(server)}/", dark=True)
    page.go(page.value("document.querySelector('a[href^=\"/runbooks/\"]').href"))
    assert page.value("document.querySelector('h1').textContent") == "DatabaseDown"
    assert "docker service ps social-example_db" in page.value("document.body.textContent")
    assert page.value(CONTRAST)[0] >= LEAST_CONTRAST
    assert not page.complaints


# ---- silences


@pytest.fixture
def quieted() -> Quieted:
    return Quieted().fires("DatabaseDown")


@pytest.fixture
def changing(quieted: Quieted) -> Iterator[DashboardServer]:
    made = DashboardServer(
        ("127.0.0.1", 0), quieted.looked.dashboard, ROOT / "monitoring" / "dashboard", quieted.desk
    )
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize(("width", "dark"), [(320, False), (1200, True)])
def test_an_alert_is_silenced_by_keyboard_and_told_again(
    browser: Chromium, changing: DashboardServer, quieted: Quieted, width: int, dark: bool
) -> None:
    page = browser.open(f"{base(changing)}/", width=width, dark=dark)
    page.go(page.value("document.querySelector('a[href=\"/silences/DatabaseDown\"]').href"))
    page.value("document.querySelector('input[value=\"4h\"]').focus()")
    page.key(" ", 32)
    for name, text in (("why", "new disk"), ("who", "Ada")):
        tab_to(page, name)
        page.ask("Input.insertText", text=text)
    legible(page)
    page.key("Enter", 13)
    page.until("document.getElementById('sentence')?.textContent.includes('nobody is told')")
    assert page.value("location.pathname") == "/silences/DatabaseDown"
    ((names, who, why),) = [(one.names, one.who, one.why) for one in quieted.silencing("").running()]
    assert (names, who, why) == (("DatabaseDown",), "Ada", "new disk")
    legible(page)
    page.value("document.querySelector('[aria-label^=\"End the silence\"]').focus()")
    page.key("Enter", 13)
    page.until("document.getElementById('sentence')?.textContent.includes('people are told')")
    assert not quieted.silencing("").running()
    assert not page.complaints


def tab_to(page: Page, name: str) -> None:
    for _ in range(12):
        page.key("Tab", 9)
        if page.value("document.activeElement.name") == name:
            return
    raise AssertionError(f"no way to {name}")


def legible(page: Page) -> None:
    page.until("document.readyState === 'complete'")  # before its styles are there, no page can be read
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    ratio, where = page.value(CONTRAST)
    assert ratio >= LEAST_CONTRAST, where


def test_a_page_of_another_site_silences_nothing(
    browser: Chromium, changing: DashboardServer, quieted: Quieted
) -> None:
    fields = "".join(f"<input name='{name}' value='{value}'>" for name, value in FORM.items())
    forged = f"<form method=post action='{base(changing)}/silences/DatabaseDown'>{fields}</form>"
    page = browser.open(f"data:text/html,{quote(forged + '<script>document.forms[0].submit()</script>')}")
    page.until("document.body?.textContent.includes('nothing was changed')")
    assert not quieted.silencing("").running()


def test_silences_need_no_script(browser: Chromium, changing: DashboardServer, quieted: Quieted) -> None:
    page = browser.open("about:blank")
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.go(f"{base(changing)}/silences/DatabaseDown")
    # The page's own scripts are off; the browser still tells what it shows, and takes keys.
    page.value("document.getElementById('why').focus()")
    page.ask("Input.insertText", text="new disk")
    page.value("document.getElementById('who').focus()")
    page.ask("Input.insertText", text="Ada")
    page.key("Enter", 13)
    page.until("document.getElementById('sentence')?.textContent.includes('nobody is told')")
    assert len(quieted.silencing("").running()) == 1


# ---- status page


@pytest.fixture
def published(tmp_path: Path, world: LookedAt) -> Iterator[tuple[str, Path]]:
    """Address and directory of a status page that was just written."""
    folder = tmp_path / "www"
    folder.mkdir()
    for path in (ROOT / "monitoring" / "status-page").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}/index.html", folder
        made.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def write(folder: Path, as_of: float) -> None:
    from instancectl.core.monitoring.sli import SLICE_SECONDS, SLIS, Verdict, slice_of
    from instancectl.core.monitoring.status_page import Past, status_page
    from instancectl.core.monitoring.status_page_files import files
    from tests.fakes.uptime_ledger import FakeLedger

    ledger = FakeLedger()
    for back in (2, 1):
        number = slice_of(as_of - back * SLICE_SECONDS)
        ledger.record(number, dict.fromkeys(SLIS, Verdict.GOOD), "")
    past = {sli: Past(ledger.days(sli), ledger.spells(sli, 10)) for sli in SLIS}
    for file in files(status_page("social.example", "", as_of, 60, past, ())):
        (folder / file.name).write_bytes(file.content)


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (320, True)])
def test_a_fresh_page_says_what_works(
    browser: Chromium, published: tuple[str, Path], width: int, dark: bool
) -> None:
    url, folder = published
    write(folder, time.time())
    page = browser.open(url, width=width, dark=dark)
    assert page.value("document.getElementById('sentence').textContent") == "Everything works"
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value("document.querySelectorAll('.row rect').length") == 7 * 90
    ratio, where = page.value(CONTRAST)
    assert ratio >= LEAST_CONTRAST, where
    assert not page.complaints
    assert all(one.startswith((url.rpartition("/")[0], "data:")) for one in page.requests)


@pytest.mark.parametrize("age", [400, 7 * 86400, -3600])
def test_an_old_page_claims_nothing(browser: Chromium, published: tuple[str, Path], age: int) -> None:
    url, folder = published
    write(folder, time.time() - age)
    page = browser.open(url)
    page.until("document.getElementById('headline')?.className === 'headline unknown'")
    assert page.value("document.getElementById('sentence').textContent").startswith("Nobody knows")
    assert set(page.value("[...document.querySelectorAll('.now')].map((one) => one.textContent)")) == {
        "unknown"
    }


def test_an_open_page_turns_to_the_newer_one(browser: Chromium, published: tuple[str, Path]) -> None:
    url, folder = published
    write(folder, time.time() - 400)
    page = browser.open(url)
    page.until("document.getElementById('headline')?.className === 'headline unknown'")
    write(folder, time.time())
    page.go(url)
    page.until("document.getElementById('headline')?.className === 'headline good'")
