"""Puts a dashboard's queries to Prometheus' HTTP API, as Grafana would with every value chosen."""

from __future__ import annotations

import json
import math
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass

TIMEOUT_S = 60


@dataclass(frozen=True)
class Window:
    """The time shown, in seconds since the epoch, the interval that rates are taken over, and
    which streams (a pattern)."""

    start_s: float
    end_s: float
    step_s: float
    rate_interval_s: int
    streams: str = ".*"


@dataclass(frozen=True)
class Series:
    """One line of a panel: its labels, times [T] and values [T]; gaps and NaN are left out."""

    labels: dict[str, str]
    times_s: list[float]
    values: list[float]


def get(url: str, path: str, **parameters: object) -> object:
    """Prometheus' answer. Raises urllib.error.HTTPError where it refuses."""
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=TIMEOUT_S) as answer:
        return json.load(answer)["data"]


def filled(expr: str, window: Window) -> str:
    """The expression with Grafana's variables filled in: every server and model."""
    expr = expr.replace("$__rate_interval", f"{window.rate_interval_s}s")
    expr = expr.replace("$__range", f"{math.ceil(window.end_s - window.start_s)}s")
    expr = expr.replace("$__interval", f"{math.ceil(window.step_s)}s")
    return re.sub(r"\$(instance|model)\b", ".*", expr).replace("$stream", window.streams)


def series(url: str, expr: str, window: Window) -> list[Series]:
    """What the expression gives over the window; series without a number are left out."""
    answer = get(url, "query_range", query=filled(expr, window), start=window.start_s,
                 end=window.end_s, step=window.step_s)
    found = []
    for each in answer["result"]:
        points = [(float(t), float(v)) for t, v in each["values"] if math.isfinite(float(v))]
        if points:
            times, values = zip(*points)
            found.append(Series(each["metric"], list(times), list(values)))
    return found


def named(legend: str, labels: dict[str, str]) -> str:
    """A legend like "{{stream}} live" with the series' labels."""
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend)
