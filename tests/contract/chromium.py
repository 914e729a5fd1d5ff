"""A real browser without a window, driven through its own debugging pipe.

with Chromium(tmp_path) as browser:
    page = browser.open("http://127.0.0.1:9390/", width=390, dark=True)
    assert page.value("document.title") == "Now · social.example"
    assert not page.complaints
    page.picture(Path("now.png"))
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
START_SECONDS, ANSWER_SECONDS = 60, 30


class Chromium:
    """One browser process with one tab."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = iter(range(1, 1_000_000))
        self._rest = b""
        self.pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()

        def handles() -> None:  # the browser reads from 3 and writes to 4
            spare_in, spare_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        command = [PROGRAM, *FLAGS, f"--user-data-dir={self._directory / 'profile'}", "about:blank"]
        self._process = subprocess.Popen(
            command, preexec_fn=handles, close_fds=False, start_new_session=True,  # noqa: PLW1509
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self._directory)},
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        self.ask("Browser.getVersion", seconds=START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=20)
        os.close(self._in)
        os.close(self._out)

    def open(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> Page:
        """A new tab, loaded; the one before it is closed."""
        for old in list(self.pages.values()):
            self.ask("Target.closeTarget", targetId=old.target)
        self.pages.clear()
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.ask(f"{domain}.enable")
        page.ask("Page.setLifecycleEventsEnabled", enabled=True)
        page.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.ask("Emulation.setEmulatedMedia", features=[scheme])
        page.go(url)
        return page

    def ask(self, method: str, session: str = "", seconds: float = ANSWER_SECONDS, **words: Any) -> Any:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": words}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            found = self.next(deadline)
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                return found["result"]

    def next(self, deadline: float) -> dict[str, Any]:
        """The next message; events are given to their page on the way."""
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            assert left > 0, "the browser does not answer"
            if select.select([self._in], [], [], left)[0]:
                chunk = os.read(self._in, 1 << 20)
                assert chunk, "the browser ended"
                self._rest += chunk
        raw, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        if "method" in message and message.get("sessionId") in self.pages:
            self.pages[message["sessionId"]].note(message["method"], message["params"])
        return message


@dataclass
class Page:
    """One tab: `complaints` is what is red in its console, `requests` every URL it asked for."""

    browser: Chromium
    session: str
    target: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)

    def ask(self, method: str, **words: Any) -> Any:
        return self.browser.ask(method, self.session, **words)

    def go(self, url: str) -> None:
        """Load it; that the document before it was loaded may be told only now, and does not count."""
        before = {*self.loaded, self.ask("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]}
        self.ask("Page.navigate", url=url)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.loaded - before:
            self.browser.next(deadline)

    def value(self, expression: str) -> Any:
        """Of JavaScript in the page; promises are waited for."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 10) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := self.value(expression)):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.05)
        return found

    def key(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        if key == "Enter":
            self.ask("Input.dispatchKeyEvent", type="char", text="\r")

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def note(self, event: str, words: dict[str, Any]) -> None:
        if event == "Page.lifecycleEvent" and words["name"] == "load":
            self.loaded.add(words["loaderId"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(words["request"]["url"])
        elif event == "Log.entryAdded" and words["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(words["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(words["exceptionDetails"])[:500])
        elif event == "Runtime.consoleAPICalled" and words["type"] in {"error", "warning", "assert"}:
            self.complaints.append(json.dumps(words["args"])[:500])
