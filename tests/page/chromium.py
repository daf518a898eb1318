"""A headless Chromium, spoken to over a pipe by its DevTools protocol.

    with Chromium(folder) as browser:
        tab = browser.open("http://127.0.0.1:9464/")
        tab.run("document.title")          # what the expression gives, awaited
        tab.press("Tab")
        tab.requests, tab.complaints       # addresses asked for; errors of console and scripts
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import time

PROGRAM = shutil.which("chromium")
PATIENCE_S = 60
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}


class Chromium:
    """One browser process with a profile of its own below `folder`. A context manager."""

    def __init__(self, folder: pathlib.Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        with open(folder / "chromium.log", "wb") as log:
            # The protocol is read from descriptor 3 and written to 4.
            self._process = subprocess.Popen(
                ["bash", "-c", f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}', PROGRAM,
                 "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile", "about:blank"],
                pass_fds=(ours[0], theirs[1]), stdout=log, stderr=log)
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in = ours[1], theirs[0]
        self._bytes = b""
        self._last_id = 0
        self._tabs: dict[str, Tab] = {}

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        os.close(self._out)
        os.close(self._in)

    def open(self, url: str) -> Tab:
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget",
                            {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            tab.call(f"{domain}.enable")
        tab.call("Page.navigate", {"url": url})
        return tab

    def call(self, method: str, parameters: dict | None = None, session: str = "") -> dict:
        """The method's result. Raises AssertionError where the browser refuses."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end_s = time.monotonic() + PATIENCE_S
        while True:
            answer = self._next(end_s)
            if answer.get("id") == message["id"]:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if answer.get("sessionId") in self._tabs:
                self._tabs[answer["sessionId"]].take(answer)

    def _next(self, end_s: float) -> dict:
        while b"\0" not in self._bytes:
            ready, _, _ = select.select([self._in], [], [], max(0, end_s - time.monotonic()))
            assert ready, f"no answer of Chromium within {PATIENCE_S} s"
            more = os.read(self._in, 1 << 20)
            assert more, "Chromium has ended, see chromium.log"
            self._bytes += more
        message, self._bytes = self._bytes.split(b"\0", 1)
        return json.loads(message)


class Tab:
    """One page of the browser."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def call(self, method: str, parameters: dict | None = None) -> dict:
        return self._browser.call(method, parameters, self._session)

    def take(self, event: dict) -> None:
        """Notes what the browser tells unasked."""
        method, told = event["method"], event["params"]
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.complaints.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def run(self, expression: str) -> object:
        told = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True,
                                              "awaitPromise": True})
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait_until(self, expression: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not self.run(expression):
            assert time.monotonic() < end_s, f"not within {PATIENCE_S} s: {expression}"
            time.sleep(0.1)

    def press(self, key: str, shift: bool = False) -> None:
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "code": "Space" if key == " " else key,
                  "modifiers": 8 if shift else 0, "windowsVirtualKeyCode": KEYS[key]}
        self.call("Input.dispatchKeyEvent",
                  {**common, "type": "keyDown" if text else "rawKeyDown", "text": text})
        self.call("Input.dispatchKeyEvent", {**common, "type": "keyUp"})

    def look(self, width: int, dark: bool) -> None:
        """The window's width in pixels, and what the user prefers."""
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.call("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def photograph(self, path: pathlib.Path) -> None:
        shot = self.call("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def accessibility_tree(self) -> list[dict]:
        """Nodes that a screen reader meets: role, name and properties."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [{"role": node.get("role", {}).get("value"),
                 "name": node.get("name", {}).get("value", ""),
                 "description": node.get("description", {}).get("value", "")}
                for node in nodes if not node.get("ignored")]
