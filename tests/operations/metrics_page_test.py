"""The page of metrics in deploy/README.md against what a real server exports."""

import re

from lab import SOURCE

import ask

ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
PREFIXES = ("millrace_", "process_")
# What Prometheus' text format makes of one histogram or summary.
PARTS = re.compile(r"_(bucket|sum|count)$")
LIBRARY_LABELS = {"instance", "job", "__name__", "le", "quantile"}


def page() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric by the page."""
    rows = {}
    for name, kind, unit, labels, meaning in ROW.findall(
            (SOURCE / "deploy" / "README.md").read_text()):
        assert name not in rows, f"{name} is there twice"
        assert unit.strip() and meaning.strip()
        rows[name] = (kind, set(re.findall(r"\w+", labels)))
    return rows


def exported(text: str) -> dict[str, str]:
    """Type of each metric by the server."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def test_page_names_every_metric_of_the_server_and_no_other(lab):
    server = exported(lab.server.metrics())
    assert all(name.startswith(PREFIXES) for name in server)
    assert {name: kind for name, (kind, _) in page().items()} == server


def test_page_names_the_labels(lab):
    """Of the metrics that have samples after a replay."""
    documented = page()
    for series in ask.get(lab.url, "series", **{"match[]": '{job="millrace"}'}):
        name = series["__name__"]
        name = name if name in documented else PARTS.sub("", name)
        if name not in documented:  # of Prometheus itself: up, scrape_*
            continue
        assert set(series) - LIBRARY_LABELS == documented[name][1], name


def test_every_metric_but_those_of_trouble_has_samples_after_a_replay(lab):
    text = lab.server.metrics()
    silent = [name for name in exported(text)
              if not re.search(rf"^{name}(_count)?[ {{]", text, re.MULTILINE)]
    assert silent == []
