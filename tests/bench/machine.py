"""The machine in words, as far as it bears on speed: nothing that names it."""

from __future__ import annotations

import os
import pathlib
import platform


def cpuinfo(*keys: str) -> str:
    """The first processor's value of the first of the keys that is there."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for key in keys for line in lines
                 if line.split("\t")[0].strip() == key), "")


def instruction_sets() -> list[str]:
    """The vector instruction sets that matter here, of those the processor has."""
    flags = cpuinfo("flags", "Features").split()
    return [name for name in ("sse4_2", "avx2", "fma", "avx512f", "asimd", "sve") if name in flags]


def describe() -> dict:
    """Processor, cores, instruction sets and how busy the machine is before a benchmark starts."""
    return {"architecture": platform.machine(), "processor": cpuinfo("model name"),
            "cores": os.cpu_count(), "instruction_sets": instruction_sets(),
            "load_before": round(os.getloadavg()[0], 1)}


def sentence(described: dict) -> str:
    busy = described["load_before"]
    return (f"machine: {described['processor'] or described['architecture']}, "
            f"{described['cores']} cores, "
            f"{' '.join(described['instruction_sets'])}; load before the run {busy}"
            + ("" if busy < 0.5 * described["cores"] else
               " (busy: times on the wall are inflated, ratios less so)"))


def pin(*cores: int) -> list[str]:
    """Words before a command that keep it on these cores; empty where that cannot be done."""
    taskset = pathlib.Path("/usr/bin/taskset")
    if not taskset.exists():
        return []
    return [str(taskset), "-c", ",".join(str(core) for core in cores)]
