"""Dashboards: what is shipped is what boards.py says, keeps Grafana's schema, and shows numbers."""

import dataclasses
import json

import pytest
from lab import SOURCE, STREAMS  # first: it makes deploy/grafana importable

import ask
import draw
import make_dashboards
from boards import BOARDS

FOLDER = SOURCE / "deploy" / "grafana" / "dashboards"
# Grafana's Prometheus annotations have these; its schema of dashboards leaves them to the source.
OF_THE_SOURCE = ("/titleFormat", "/textFormat", "/step")
DRAWN = "hand-2|command-1"  # on the dashboard of streams: one of each model
QUERIES = [(name, panel, query) for name, board in BOARDS.items() for panel in board.panels
           for query in panel.queries]


def lost(before: object, after: object, path: str = "") -> list[str]:
    """Paths of what is in `before` and not the same in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [gone for key, value in before.items()
                for gone in lost(value, after.get(key), f"{path}/{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [gone for i, (a, b) in enumerate(zip(before, after))
                for gone in lost(a, b, f"{path}/{i}")]
    return [] if before == after else [path]


def test_shipped_dashboards_are_what_the_source_says():
    texts = make_dashboards.texts()
    assert {path.name for path in FOLDER.glob("*")} == set(texts)
    for name, text in texts.items():
        assert (FOLDER / name).read_text() == text, f"run make_dashboards.py: {name} differs"


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_keeps_grafanas_schema(name):
    """What the schema does not know does not survive reading and writing by it."""
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder",
                                  reason="./dev setup installs grafana-foundation-sdk")
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.models import dashboard
    plugins.register_default_plugins()
    shipped = json.loads((FOLDER / f"{name}.json").read_text())
    read = json.loads(encoder.JSONEncoder().encode(dashboard.Dashboard.from_json(shipped)))
    assert [path for path in lost(shipped, read) if not path.endswith(OF_THE_SOURCE)] == []


def test_panels_do_not_overlap_and_say_what_they_show():
    for name in BOARDS:
        taken = set()
        for panel in json.loads((FOLDER / f"{name}.json").read_text())["panels"]:
            assert panel["description"], panel["title"]
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            assert not cells & taken, f"{name}: {panel['title']} lies on another panel"
            assert place["x"] + place["w"] <= 24
            taken |= cells


@pytest.mark.parametrize("name,panel,query", QUERIES,
                         ids=[f"{name}-{panel.title}-{query.legend}"
                              for name, panel, query in QUERIES])
def test_a_query_gives_numbers_under_a_replay(lab, name, panel, query):
    found = ask.series(lab.url, query.expr, lab.window)
    assert found, query.expr
    names = [ask.named(query.legend, each.labels) for each in found]
    assert len(set(names)) == len(names), f"series that the legend does not tell apart: {names}"
    if panel.kind == "stat":
        assert len(found) == 1, names
    for label in ("stream", "model", "instance", "method", "code", "reason", "group", "state"):
        if f"{{{{{label}}}}}" in query.legend:
            assert all(each.labels.get(label) for each in found), f"no label {label}"


def test_every_annotation_finds_the_drift(lab):
    for board in BOARDS.values():
        for _, expr, _ in board.annotations:
            marked = {each.labels["stream"] for each in ask.series(lab.url, expr, lab.window)}
            assert marked & set(STREAMS), f"no shift by {expr}"


def test_every_variable_has_values(lab):
    for board in BOARDS.values():
        for name, _, query in board.variables:
            metric, label = query.removeprefix("label_values(").removesuffix(")").split(", ")
            values = ask.get(lab.url, f"label/{label}/values", **{"match[]": metric})
            assert values, f"{board.title}: no value of {name}"


def test_pictures_are_drawn_of_every_dashboard(lab, pictures):
    for name, board in BOARDS.items():
        window = dataclasses.replace(lab.window, streams=DRAWN)
        draw.draw(board, lab.url, window, pictures / f"{name}.png")
        assert (pictures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
