"""The machine in words, as far as it bears on speed: nothing that names it."""

from __future__ import annotations

import os
import pathlib
import platform


def instruction_sets() -> list[str]:
    """The vector instruction sets that matter here, of those the processor has."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii")
    except OSError:
        return []
    flags = next((line.split(":", 1)[1].split() for line in text.splitlines()
                  if line.startswith(("flags", "Features"))), [])
    return [name for name in ("sse4_2", "avx2", "fma", "avx512f", "asimd", "sve") if name in flags]


def describe() -> dict:
    """Cores, instruction sets and how busy the machine is before the benchmark starts."""
    return {"architecture": platform.machine(), "cores": os.cpu_count(),
            "instruction_sets": instruction_sets(), "load_before": round(os.getloadavg()[0], 1)}


def sentence(described: dict) -> str:
    busy = described["load_before"]
    return (f"machine: {described['architecture']}, {described['cores']} cores, "
            f"{' '.join(described['instruction_sets'])}; load before the run {busy}"
            + ("" if busy < 0.5 * described["cores"] else
               " (busy: times on the wall are inflated, ratios less so)"))


def pin(core: int) -> list[str]:
    """Words before a command that keep it on one core; empty where that cannot be done."""
    taskset = pathlib.Path("/usr/bin/taskset")
    return [str(taskset), "-c", str(core)] if taskset.exists() else []
