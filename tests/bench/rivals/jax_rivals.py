"""The task in JAX: one jit-compiled scan over a sequence that is known beforehand.

Written for speed: weights of a layer in one matrix, the norm of a rank-one gradient from its two
vectors, a reciprocal root instead of a root and a division, the carry donated; for the ring, rows
of S with their neighbours repeated at both ends, so that no gather is needed. "seeded" also has the
engine's reciprocal root, from an integer seed with two Newton steps.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from task import BETA2, BLOCK, CLIP, DECAY, EPSILON, OUTPUTS, RATE, RING, Start
from turns import serve


def reciprocal_root(x):
    return jax.lax.rsqrt(x + EPSILON * EPSILON)


def seeded_reciprocal_root(x):
    x = x + EPSILON * EPSILON
    seed = jax.lax.bitcast_convert_type(x, jnp.int32)
    y = jax.lax.bitcast_convert_type(0x5F375A86 - (seed >> 1), jnp.float32)
    y = y * (1.5 - 0.5 * x * y * y)
    return y * (1.5 - 0.5 * x * y * y)


def rmsprop(theta, v, g, correction, root):
    v = BETA2 * v + (1 - BETA2) * g * g
    return theta - RATE * g * root(v * (1 / correction)), v


def forward(cell, readout, h, x, y):
    one = jnp.ones(1)
    row = jnp.concatenate([h, x, one])  # [n + d + 1]
    h = jnp.tanh(row @ cell)
    features = jnp.concatenate([h, one])  # [n + 1]
    error = (2 / OUTPUTS) * (features @ readout - y)
    return row, h, features, error, readout[:-1] @ error


def clip(square):
    return jnp.minimum(1.0, CLIP * jax.lax.rsqrt(square))


def immediate_step(carry, xy, root):
    cell, readout, v_cell, v_readout, h, power = carry
    row, h, features, error, q = forward(cell, readout, h, *xy)
    back = q * (1 - h * h)
    scale = clip(jnp.sum(back * back) * jnp.sum(row * row)
                 + jnp.sum(error * error) * jnp.sum(features * features))
    power = power * BETA2
    cell, v_cell = rmsprop(cell, v_cell, row[:, None] * (scale * back), 1 - power, root)
    readout, v_readout = rmsprop(readout, v_readout, features[:, None] * (scale * error), 1 - power,
                                 root)
    return (cell, readout, v_cell, v_readout, h, power), None


def trace_step(carry, xy, own, root):
    """`own`: a unit's derivative in itself keeps the trace (SnAp-1); else a constant does."""
    cell, readout, v_cell, v_readout, h, power, trace = carry
    row, h, features, error, q = forward(cell, readout, h, *xy)
    slope = 1 - h * h
    keep = slope * jnp.diagonal(cell[:h.shape[0]]) if own else DECAY
    trace = keep * trace + row[:, None] * slope
    square = jnp.sum(q * q * jnp.sum(trace * trace, axis=0))
    scale = clip(square + jnp.sum(error * error) * jnp.sum(features * features))
    power = power * BETA2
    cell, v_cell = rmsprop(cell, v_cell, trace * (scale * q), 1 - power, root)
    readout, v_readout = rmsprop(readout, v_readout, features[:, None] * (scale * error), 1 - power,
                                 root)
    return (cell, readout, v_cell, v_readout, h, power, trace), None


def block_step(carry, xy, root):
    """S[k, j, i] of weight j of unit i, in unit k of its block; i innermost, for the vectors."""
    cell, readout, v_cell, v_readout, h, power, s = carry
    row, h, features, error, q = forward(cell, readout, h, *xy)
    n, units = h.shape[0], jnp.arange(h.shape[0])
    slope = 1 - h * h
    block = units[None, :] // BLOCK * BLOCK + jnp.arange(BLOCK)[:, None]  # [k, i]: units near i
    jacobian = slope[block][:, None] * cell[block[None], block[:, None]]  # [k, source, i]
    own = jnp.where(block == units, slope, 0.0)
    s = sum(jacobian[:, source, None] * s[source] for source in range(BLOCK))
    s = s + own[:, None] * row[:, None]
    g = sum(q[block[k]] * s[k] for k in range(BLOCK))
    scale = clip(jnp.sum(g * g) + jnp.sum(error * error) * jnp.sum(features * features))
    power = power * BETA2
    cell, v_cell = rmsprop(cell, v_cell, scale * g, 1 - power, root)
    readout, v_readout = rmsprop(readout, v_readout, features[:, None] * (scale * error), 1 - power,
                                 root)
    return (cell, readout, v_cell, v_readout, h, power, s), None


def ring_sweep(s, jacobian_of, n):
    """sum over l near k of J[k, l] S[l]; s is [n + RING, p] with the ring's ends repeated."""
    reach = RING // 2
    units = jnp.arange(n)
    return sum(jacobian_of((units + offset) % n, units)[:, None]
               * s[reach + offset:reach + offset + n] for offset in range(-reach, reach + 1))


def sensitivity_step(carry, xy, ring, root):
    cell, readout, v_cell, v_readout, h, power, s = carry
    n = h.shape[0]
    row, h, features, error, q = forward(cell, readout, h, *xy)
    slope = 1 - h * h
    if ring:
        swept = ring_sweep(s, lambda source, unit: cell[source, unit] * slope[unit], n)
    else:
        swept = (slope[:, None] * cell[:n].T) @ s
    units = jnp.arange(n)
    swept = swept.reshape(n, -1, n).at[units, :, units].add(slope[:, None] * row).reshape(n, -1)
    g = (q @ swept).reshape(-1, n)
    scale = clip(jnp.sum(g * g) + jnp.sum(error * error) * jnp.sum(features * features))
    power = power * BETA2
    cell, v_cell = rmsprop(cell, v_cell, scale * g, 1 - power, root)
    readout, v_readout = rmsprop(readout, v_readout, features[:, None] * (scale * error), 1 - power,
                                 root)
    reach = RING // 2
    s = jnp.concatenate([swept[-reach:], swept, swept[:reach]]) if ring else swept
    return (cell, readout, v_cell, v_readout, h, power, s), None


def fresh(start: Start, shape: tuple[int, ...] | None):
    """The carry at the start; `shape` is that of S or the traces, if there are any."""
    cell, readout = jnp.array(start.cell()), jnp.array(start.readout())
    carry = (cell, readout, jnp.zeros_like(cell), jnp.zeros_like(readout), jnp.zeros(start.units),
             jnp.float32(1))
    return carry if shape is None else (*carry, jnp.zeros(shape))


class Scan:
    def __init__(self, step, shape, start: Start):
        self.carry = fresh(start, shape(*start.cell().shape))
        self.sequence = jnp.array(start.inputs), jnp.array(start.targets)
        self.scan = jax.jit(lambda carry, sequence: jax.lax.scan(step, carry, sequence)[0],
                            donate_argnums=0)

    def play(self):
        self.carry = jax.block_until_ready(self.scan(self.carry, self.sequence))

    def theta(self):
        return np.concatenate([np.ravel(self.carry[0]), np.ravel(self.carry[1])])


class Streams(Scan):
    """Many streams with weights of their own, each with the sequence of the start.

    "lockstep" is jax.vmap of the step, all streams a step on; "in turn" goes through the sequence
    of one stream after the other, which keeps its weights in a near cache.
    """

    def __init__(self, order: str, count: int, start: Start):
        step = functools.partial(immediate_step, root=reciprocal_root)
        self.carry = jax.tree.map(lambda one: jnp.tile(one, (count,) + (1,) * one.ndim),
                                  fresh(start, None))
        if order == "lockstep":
            self.sequence = tuple(jnp.tile(part[:, None], (1, count, 1))
                                  for part in (start.inputs, start.targets))
            play = lambda carry, sequence: jax.lax.scan(jax.vmap(step), carry, sequence)[0]
        else:
            self.sequence = tuple(jnp.tile(part, (count, 1, 1))
                                  for part in (start.inputs, start.targets))
            play = lambda carry, sequence: jax.lax.map(
                lambda stream: jax.lax.scan(step, *stream)[0], (carry, sequence))
        self.scan = jax.jit(play, donate_argnums=0)

    def theta(self):
        return np.concatenate([np.ravel(self.carry[0][0]), np.ravel(self.carry[1][0])])


def scanned(step, shape=lambda rows, n: None, **settings):
    return functools.partial(Scan, functools.partial(step, **settings), shape)


CASES = {
    "immediate": scanned(immediate_step, root=reciprocal_root),
    "immediate, seeded": scanned(immediate_step, root=seeded_reciprocal_root),
    **{f"immediate, {count} streams {order}": functools.partial(Streams, order, count)
       for count in (64, 1024) for order in ("lockstep", "in turn")},
    "trace": scanned(trace_step, lambda rows, n: (rows, n), own=False, root=reciprocal_root),
    "snap1": scanned(trace_step, lambda rows, n: (rows, n), own=True, root=reciprocal_root),
    "block4": scanned(block_step, lambda rows, n: (BLOCK, rows, n), root=reciprocal_root),
    "ring4": scanned(sensitivity_step, lambda rows, n: (n + RING, rows * n), ring=True,
                     root=reciprocal_root),
    "rtrl": scanned(sensitivity_step, lambda rows, n: (n, rows * n), ring=False,
                    root=reciprocal_root),
}

if __name__ == "__main__":
    serve(CASES)
