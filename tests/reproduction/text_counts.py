"""What needs no network: a text's bytes by counted contexts, and by xz."""

from __future__ import annotations

import lzma
import math
from collections import defaultdict


def counted(text: bytes, order: int) -> float:
    """Bits a byte of adaptive context counts up to `order`, each order escaping to the one below by
    its number of different successors (Witten and Bell 1991, method C as an interpolation)."""
    counts: list[dict] = [defaultdict(dict) for _ in range(order + 1)]
    totals: list[dict] = [defaultdict(int) for _ in range(order + 1)]
    bits = 0.0
    for t, byte in enumerate(text):
        p = 1.0 / 256.0
        for k in range(min(order, t) + 1):
            context = text[t - k:t]
            seen = counts[k][context]
            kinds = len(seen)
            if kinds:
                p = (seen.get(byte, 0) + kinds * p) / (totals[k][context] + kinds)
            seen[byte] = seen.get(byte, 0) + 1
            totals[k][context] += 1
        bits -= math.log2(p)
    return bits / len(text)


def xz(text: bytes) -> float:
    """Bits a byte of `xz -9e`."""
    packed = lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)
    return 8.0 * len(packed) / len(text)
