"""Bytes: a text read once, each byte predicted before it is learned from.

Bits a byte of the first megabyte of austen.txt, and of the text domains in turn (50 KB each, one
stream that goes on). Beside the shipped model: a recurrent net alone, xz -9e, context counts.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray

import concepts
import spec
import text_counts
from experiment import Player
from millrace.v1 import model_pb2
from report import Line, Report, dots, figures, table

ROOT = Path(__file__).resolve().parent.parent.parent
MEGABYTE = 1_000_000
PART = 50_000
DOMAINS = ("austen", "shakespeare", "wikitext2", "handbook_de", "handbook_ru", "python", "logs")
REPLICATED = {"order-3 counts": "2.207", "xz -9e": "2.384"}
FIGURE = "bits a byte"
SHIP = ("Met: 2.02 bits a byte on the first megabyte (bound 2.19; order-3 counts 2.21, xz "
        "2.38) and a net alone below 2.7. A stream that goes on through the domains gains "
        "where the language stays (Shakespeare .19, Wikipedia .10) or the bytes are new "
        "(Russian .25), and loses where they mean something else (German .12, Python .08, "
        "logs .13): context rows keep what was counted. Ship deploy/models/bytes.textproto: "
        "GRU of 32 units by T-BPTT(4), linear head with direct contexts of orders 1 to 4; the "
        "contexts carry most of it at a few microseconds a byte.")


def shipped() -> model_pb2.ModelSpec:
    path = ROOT / "deploy" / "models" / "bytes.textproto"
    made = text_format.Parse(path.read_text(encoding="utf-8"), model_pb2.ModelSpec())
    made.durability = model_pb2.DURABILITY_APPLIED
    return made


def recurrent() -> model_pb2.ModelSpec:
    """A net alone, without direct contexts: larger, as it has to hold what they would."""
    made = shipped()
    made.cell.CopyFrom(spec.part(("gru", {"units": 128, "input_gain": 16.0})))
    made.head.CopyFrom(spec.part("linear"))
    made.rule.CopyFrom(spec.part("immediate"))
    made.optimizer.CopyFrom(spec.part(("rmsprop", {"rate": 3e-4, "rate_readout": 1e-3,
                                                   "beta2": 0.999})))
    return made


def text(domain: str, size: int) -> bytes:
    return (concepts.recordings() / "text" / f"{domain}.txt").read_bytes()[:size]


def read(player: Player, of: model_pb2.ModelSpec, texts: Sequence[bytes]
         ) -> tuple[list[NDArray[np.float64]], float]:
    """Bits a byte of each text, [seeds][texts], one stream a seed reading them in turn; seconds."""
    model = player.model(of)

    def one(seed: int) -> NDArray[np.float64]:
        id = f"{model.name}-{seed}"
        player.server.open_stream(id, model.name, seed=seed)
        with player.server.attach(id) as stream:
            losses = [stream.learn(part, outputs=False, steps_per_message=1024).loss
                      for part in texts]
        player.server.delete_stream(id)
        return np.array([np.nanmean(its) / np.log(2.0) for its in losses])

    started = time.monotonic()
    with ThreadPoolExecutor(len(player.seeds)) as pool:
        found = list(pool.map(one, player.seeds))
    return found, time.monotonic() - started


def megabyte(player: Player) -> list[Line]:
    whole = text("austen", MEGABYTE)
    lines = []
    for name, model, seeds in (("deploy/models/bytes.textproto", shipped(), 5),
                               ("GRU alone, 128 units, immediate", recurrent(), 1)):
        few = dataclasses.replace(player, seeds=player.seeds[:seeds])
        found, wall_s = read(few, model, [whole])
        rate = len(few.seeds) * len(whole) / wall_s
        lines.append(Line(name, [float(f[0]) for f in found], wall_s=wall_s,
                          more={"bytes/s, all seeds": f"{rate:.0f}"}))
    return lines + trivial_lines(whole)


def trivial_lines(whole: bytes) -> list[Line]:
    rows = [("xz -9e", text_counts.xz(whole))]
    rows += [(f"order-{k} counts", text_counts.counted(whole, k)) for k in range(4)]
    return [Line(name, [score], replicated=REPLICATED.get(name, "")) for name, score in rows]


def in_turn(player: Player) -> tuple[str, dict]:
    """The domains one after another by one stream, beside streams that begin with each."""
    parts = [text(domain, PART) for domain in DOMAINS]
    going_on, _ = read(player, shipped(), parts)
    fresh = [read(player, shipped(), [part])[0] for part in parts]
    rows = ["| domain | goes on | begins anew | order-3 counts, anew | xz -9e, anew |",
            "| --- | --- | --- | --- | --- |"]
    found = {}
    for i, (domain, part) in enumerate(zip(DOMAINS, parts)):
        figures_ = [float(np.mean([run[i] for run in going_on])),
                    float(np.mean([run[0] for run in fresh[i]])),
                    text_counts.counted(part, 3), text_counts.xz(part)]
        found[domain] = [round(f, 4) for f in figures_]
        rows.append(f"| {domain} | " + " | ".join(f"{f:.3f}" for f in figures_) + " |")
    return "\n".join(rows), found


def run(player: Player) -> Report:
    lines = megabyte(player)
    turn, found = in_turn(dataclasses.replace(player, seeds=player.seeds[:1]))
    return Report("\n\n".join(["First megabyte of austen.txt:", table(lines, FIGURE, 3),
                               f"Domains in turn, {PART // 1000} KB each, bits a byte, one seed:",
                               turn, SHIP]),
                  {"first megabyte": figures(lines), "in turn": found},
                  dots("austen.txt, first megabyte", FIGURE, {"one pass": lines}, log=False))
