"""The page of a real server in a real browser, while streams learn through a drift."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
from millraced import Server
from replay import IDLE, STREAMS

CONTRAST = 4.5  # of text on its background, WCAG 2.1 AA


def fetch(played, path: str, method: str = "GET"):
    request = urllib.request.Request(f"http://{played.server.metrics_address}{path}", method=method)
    return urllib.request.urlopen(request, timeout=60)


def text_of(played, selector: str) -> str:
    return played.tab.run(f"document.querySelector({json.dumps(selector)}).textContent")


def test_curves_grow_while_the_streams_learn(played):
    assert played.points == sorted(played.points)
    assert len(set(played.points)) >= 5, played.points
    path = played.tab.run("document.querySelector('#loss .live').getAttribute('d')")
    assert path.count("L") >= 5


def test_the_table_has_the_streams_as_the_server_has_them(played):
    rows = played.tab.run("[...document.querySelectorAll('#rows tr')].map((row) => "
                          "[...row.children].map((cell) => cell.textContent))")
    by_name = {row[0]: row for row in rows}
    for stream in STREAMS:
        assert by_name[stream][2] == f"{played.server.stream(stream).applied_seq:,}"
        assert float(by_name[stream][4]) < float(by_name[stream][5]), "live is not below its shadow"
        assert int(by_name[stream][8]) >= 1, "the drift raised no mark"


def test_shifts_are_marked_on_the_curve_and_listed(played):
    assert played.tab.run("document.querySelectorAll('#loss .shift').length") >= 1
    listed = played.tab.run("[...document.querySelectorAll('#shifts tr')].map((row) => "
                            "Number(row.children[0].textContent.replace(',', '')))")
    assert any(abs(step - 2500) < 200 for step in listed), "the swap at step 2500 is not listed"


def test_recovery_is_drawn_after_the_drift(played):
    path = played.tab.run("document.querySelector('#recovery .live').getAttribute('d')")
    assert path.count("L") >= 3


def test_every_curve_has_a_text_alternative_that_a_screen_reader_finds(played):
    images = [node for node in played.tab.accessibility_tree() if node["role"] in ("image", "img")]
    assert {image["name"] for image in images} == {"Loss of stream hand-1",
                                                   "Recovery of stream hand-1"}
    for image in images:
        assert re.match(r"Steps [\d,]+ to [\d,]+\. .*now .*lowest .*highest .*Shifts at step",
                        image["description"]), image


def test_a_screen_reader_finds_landmarks_headings_and_table_headers(played):
    tree = played.tab.accessibility_tree()
    roles = [node["role"] for node in tree]
    for role in ("banner", "main", "contentinfo", "search", "status", "slider"):
        assert roles.count(role) == 1, role
    named = {(node["role"], node["name"]) for node in tree}
    for name in ("Server", "Streams", "Stream hand-1"):
        assert ("region", name) in named and ("heading", name) in named
    assert ("rowheader", "hand-1") in named
    assert ("columnheader", "Recovery") in named
    nameless = [node for node in tree if not node["name"]
                and node["role"] in ("button", "link", "textbox", "combobox", "radio", "slider")]
    assert nameless == []


def test_news_are_spoken_and_state_is_a_status(played):
    assert played.tab.run("document.querySelector('#news').getAttribute('aria-live')") == "polite"
    assert re.search(r"Stream hand-1: a shift at step [\d,]+, seen in the (loss|input)",
                     text_of(played, "#news"))
    assert text_of(played, "#state") == "Healthy"


def test_the_keyboard_reaches_everything_and_opens_a_stream(played):
    tab = played.tab
    tab.run("document.activeElement.blur(), window.getSelection().removeAllRanges(), 1")
    reached = []
    for _ in range(IDLE + 30):
        tab.press("Tab")
        reached.append(tab.run("document.activeElement.id || document.activeElement.textContent"))
        assert tab.run("document.activeElement.tagName === 'BODY' || document.activeElement"
                       ".matches(':focus-visible')"), "the focus is not shown"
        if reached[-1] == "command-1":
            tab.press("Enter")
            tab.wait_until("document.activeElement.id === 'stream-heading'")
        if reached[-1] == "cursor":
            break
    for expected in ("Skip to the streams", "pause", "model", "after", "command-1", "cursor"):
        assert expected in reached, f"{expected} is not among {reached}"
    assert text_of(played, "#stream-heading") == "Stream command-1"
    assert tab.run("document.querySelector('tr[aria-current] a').textContent") == "command-1"
    before = text_of(played, "#reading")
    for _ in range(3):
        tab.press("ArrowLeft")
    assert text_of(played, "#reading") != before
    assert tab.run("document.querySelector('#cursor').getAttribute('aria-valuetext')") == text_of(
        played, "#reading")
    tab.run("location.hash = '#stream=hand-1'")
    tab.wait_until("document.querySelector('#stream-heading').textContent === 'Stream hand-1'")


def test_focus_stays_where_it_is_when_new_figures_come(played):
    tab = played.tab
    tab.run("document.querySelector('#rows a').focus()")
    tab.run("refresh().then(() => 1)")
    assert tab.run("document.activeElement === document.querySelector('#rows a')")


def test_pause_stops_asking(played):
    tab = played.tab
    tab.run("document.querySelector('#pause').click()")
    assert tab.run("document.querySelector('#pause').getAttribute('aria-pressed')") == "true"
    tab.run("new Promise((resume) => setTimeout(() => resume(1), 500))")
    asked = len(tab.requests)
    tab.run("new Promise((resume) => setTimeout(() => resume(1), 2500))")
    assert len(tab.requests) == asked
    tab.run("document.querySelector('#pause').click()")


def test_more_streams_than_a_page_are_paged(played):
    tab = played.tab
    first = tab.run("document.querySelector('#rows a').textContent")
    assert tab.run("document.querySelectorAll('#rows tr').length") == 50
    tab.run("document.querySelector('#next').click()")
    tab.wait_until(f"document.querySelector('#rows a').textContent !== '{first}'")
    assert 0 < tab.run("document.querySelectorAll('#rows tr').length") < 50
    assert tab.run("document.querySelector('#next').disabled")
    tab.run("document.querySelector('#first').click()")
    tab.wait_until(f"document.querySelector('#rows a').textContent === '{first}'")


def test_the_curves_are_there_as_a_table(played):
    played.tab.run("document.querySelector('#numbers').open = true")
    played.tab.wait_until("document.querySelectorAll('#points tr').length > 4")
    assert played.tab.run("document.querySelector('#points td').textContent") == "7,500"
    played.tab.run("document.querySelector('#numbers').open = false")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_contrast(played, dark):
    played.tab.look(1280, dark)
    poor = played.tab.run("""
      (() => {
        const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) =>
            c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (node) => {
          for (let at = node; at; at = at.parentElement) {
            const colour = channels(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
          }
          return [255, 255, 255];
        };
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const poor = [];
        while (walker.nextNode()) {
          const node = walker.currentNode.parentElement;
          if (!walker.currentNode.textContent.trim()) continue;
          if (node.closest('script, style, title, [disabled]')) continue;
          const style = getComputedStyle(node);
          const ink = channels(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
          const [a, b] = [luminance(ink), luminance(behind(node))].sort((x, y) => y - x);
          const contrast = (a + 0.05) / (b + 0.05);
          if (contrast < %s) poor.push([walker.currentNode.textContent.trim(), contrast]);
        }
        return poor;
      })()""" % CONTRAST)
    played.tab.look(1280, dark=False)
    assert poor == []


def test_nothing_is_wider_than_a_narrow_window(played):
    played.tab.look(360, dark=False)
    wide = played.tab.run("document.documentElement.scrollWidth")
    played.tab.look(1280, dark=False)
    assert wide <= 360


def test_no_request_leaves_the_server_and_nothing_is_complained_of(played):
    assert played.tab.requests
    for address in played.tab.requests:
        assert urllib.parse.urlsplit(address).netloc == played.server.metrics_address, address
    assert played.tab.complaints == []


def test_an_answer_that_fails_is_said_and_the_page_goes_on(played):
    tab = played.tab
    tab.run("window.realFetch = fetch; window.fetch = () => Promise.reject(new Error('torn'))")
    tab.run("refresh().then(() => 1)")
    assert text_of(played, "#state") == "No answer from the server (torn); asking again"
    tab.run("window.fetch = window.realFetch")
    tab.run("refresh().then(() => 1)")
    assert text_of(played, "#state") == "Healthy"


def test_the_port_is_read_only_and_says_what_it_has(played):
    for path in ("/", "/metrics", "/page/overview.json"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(played, path, "POST")
        assert refused.value.code == 405
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(played, "/nothing")
    assert refused.value.code == 404 and b"/metrics" in refused.value.read()
    assert fetch(played, "/metrics", "HEAD").read() == b""


def test_the_policy_admits_the_pages_own_scripts_alone(played):
    policy = fetch(played, "/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'; img-src data:")
    assert "unsafe" not in policy
    assert played.tab.run("""
      (() => { const script = document.createElement('script');
               script.textContent = 'window.crept = 1'; document.body.append(script);
               script.remove(); return window.crept === undefined; })()""")
    played.tab.complaints.clear()  # of that script


def test_a_server_without_page_has_metrics_alone(tmp_path):
    with Server(tmp_path / "store", "--no_page") as server:
        assert "millrace_healthy 1" in server.metrics()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{server.metrics_address}/", timeout=60)
        assert refused.value.code == 404


def test_answers_are_bounded_and_hold_no_settings(played):
    overview = json.load(fetch(played, "/page/overview.json"))
    assert len(overview["rows"]) == 50 and overview["next"]
    stream = fetch(played, "/page/stream.json?stream=hand-1").read()
    assert len(stream) < 200_000
    assert set(json.loads(stream)) == {"stats", "recent", "whole"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(played, "/page/stream.json?stream=%3Cb%3E")
    assert refused.value.code == 404


def test_pictures_are_taken_light_dark_and_narrow(played, pictures):
    for name, width, dark in (("page", 1280, False), ("page_dark", 1280, True),
                              ("page_narrow", 400, False)):
        played.tab.look(width, dark)
        played.tab.run("new Promise((resume) => setTimeout(() => resume(1), 300))")
        played.tab.photograph(pictures / f"{name}.png")
        assert (pictures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
