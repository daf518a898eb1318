"""A panel and a dashboard as this folder writes them, and how they become Grafana's JSON.

    Panel("Loss", "seconds", [Query("millrace_healthy", "{{instance}}")], "What it shows.").

A Panel knows nothing of its place: Board lays panels out in rows of 24 columns, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "millrace-prometheus"}
COLOURS = {"mode": "palette-classic-by-name"}  # a series keeps its colour on every panel


@dataclass(frozen=True)
class Query:
    """A PromQL expression and how its series are called in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel: `kind` is Grafana's panel type, `unit` Grafana's unit."""

    title: str
    unit: str
    queries: list[Query]
    description: str
    kind: str = "timeseries"
    width: int = 12
    wide_range: bool = False  # a logarithmic scale that takes 0 and negative values too ...
    linear_below: float = 0.1  # ... which is linear below this
    height: int = 8


@dataclass(frozen=True)
class Board:
    """A dashboard. `variables` are (name, label, query) and allow several values."""

    uid: str
    title: str
    description: str
    panels: list[Panel]
    variables: list[tuple[str, str, str]] = field(default_factory=list)
    annotations: list[tuple[str, str, str]] = field(default_factory=list)  # name, expr, text


def _targets(panel: Panel) -> list[dict]:
    over_time = panel.kind != "bargauge"  # which shows one histogram's buckets as they are now
    return [{"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query.expr,
             "legendFormat": query.legend, "range": over_time, "instant": not over_time,
             "format": "time_series" if over_time else "heatmap"}
            for index, query in enumerate(panel.queries)]


def _options(kind: str) -> dict:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value", "graphMode": "area", "justifyMode": "auto",
                "textMode": "auto", "orientation": "auto"}
    if kind == "bargauge":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "orientation": "vertical", "displayMode": "basic", "showUnfilled": True,
                "minVizWidth": 8, "minVizHeight": 16, "valueMode": "color"}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    if kind == "histogram":
        return {"legend": legend, "combine": True,
                "tooltip": {"mode": "multi", "sort": "none"}}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _panel_json(panel: Panel, number: int, column: int, row: int) -> dict:
    defaults: dict = {"unit": panel.unit, "color": COLOURS}
    if panel.kind == "timeseries":
        defaults["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0,
                              "showPoints": "never", "spanNulls": False}
        if panel.wide_range:
            defaults["custom"]["scaleDistribution"] = {
                "type": "symlog", "log": 10, "linearThreshold": panel.linear_below}
    return {"id": number, "type": panel.kind, "title": panel.title,
            "description": panel.description, "datasource": SOURCE,
            "gridPos": {"h": panel.height, "w": panel.width, "x": column, "y": row},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": _options(panel.kind), "targets": _targets(panel)}


def _laid_out(panels: list[Panel]) -> list[dict]:
    placed, column, row, tallest = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if column + panel.width > COLUMNS:
            column, row, tallest = 0, row + tallest, 0
        placed.append(_panel_json(panel, number, column, row))
        column, tallest = column + panel.width, max(tallest, panel.height)
    return placed


def _variable(name: str, label: str, query: str) -> dict:
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE,
            "query": query, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": "All", "value": "$__all"}}


def _annotation(name: str, expr: str, text: str) -> dict:
    return {"name": name, "datasource": SOURCE, "enable": True, "iconColor": "orange",
            "expr": expr, "step": "15s", "titleFormat": name, "textFormat": text}


def board_json(board: Board) -> dict:
    """The dashboard as Grafana provisions it."""
    return {"uid": board.uid, "title": board.title, "description": board.description,
            "tags": ["millrace"], "schemaVersion": 39, "editable": False, "graphTooltip": 1,
            "timezone": "browser", "refresh": "5s", "time": {"from": "now-1h", "to": "now"},
            "links": [{"type": "dashboards", "title": "Millrace", "tags": ["millrace"],
                       "asDropdown": True, "includeVars": True, "keepTime": True, "icon": "",
                       "targetBlank": False, "tooltip": "", "url": ""}],
            "annotations": {"list": [_annotation(*each) for each in board.annotations]},
            "templating": {"list": [_variable(*each) for each in board.variables]},
            "panels": _laid_out(board.panels)}
