"""The task in PyTorch: by hand without autograd, compiled, and with autograd and torch.optim.

By hand: every weight in one vector, buffers reused, as few calls as we found; "plain" is how it is
usually written. torch.optim.RMSprop has no bias correction: its weights are compared with those of
the engine's setting `uncorrected`.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from task import BETA2, CLIP, DECAY, EPSILON, INPUTS, OUTPUTS, RATE, RING, Start
from turns import serve

torch.set_num_threads(1)


class ByHand:
    """theta is one vector: cell [n, n + d + 1] and readout [m, n + 1], unit-major."""

    def __init__(self, start: Start):
        self.n, self.rows = start.units, start.units + INPUTS + 1
        self.parameters = torch.from_numpy(np.concatenate(
            [start.cell().T.ravel(), start.readout().T.ravel()]).copy())
        self.v, self.g = torch.zeros(2, self.parameters.numel())
        self.root = torch.empty_like(self.g)
        self.cell, self.readout = self.split(self.parameters)
        self.g_cell, self.g_readout = self.split(self.g)
        self.row, self.features = torch.zeros(self.rows), torch.ones(self.n + 1)
        self.row[-1] = 1
        self.x_in, self.h_in = self.row[self.n:-1], self.row[:self.n]
        self.h, self.backward = self.features[:-1], self.readout[:, :-1].t()
        self.power = 1.0
        self.sequence = [*zip(torch.from_numpy(start.inputs).unbind(),
                              torch.from_numpy(start.targets).unbind())]

    def split(self, vector):
        cut = self.n * self.rows
        return vector[:cut].view(self.n, self.rows), vector[cut:].view(OUTPUTS, self.n + 1)

    def forward(self, x, y):
        self.x_in.copy_(x)
        torch.tanh(torch.mv(self.cell, self.row), out=self.h)
        error = torch.mv(self.readout, self.features).sub_(y).mul_(2 / OUTPUTS)
        return error, torch.mv(self.backward, error)

    def gradient(self, q):
        torch.outer(torch.ops.aten.tanh_backward(q, self.h), self.row, out=self.g_cell)

    @torch.inference_mode()
    def play(self):
        for x, y in self.sequence:
            error, q = self.forward(x, y)
            self.gradient(q)
            torch.outer(error, self.features, out=self.g_readout)
            scale = min(1.0, CLIP / torch.linalg.vector_norm(self.g).item())
            self.power *= BETA2
            self.v.mul_(BETA2).addcmul_(self.g, self.g, value=(1 - BETA2) * scale * scale)
            root = torch.sqrt(self.v, out=self.root).add_(EPSILON * math.sqrt(1 - self.power))
            self.parameters.addcdiv_(self.g, root,
                                     value=-RATE * scale * math.sqrt(1 - self.power))
            self.h_in.copy_(self.h)

    def theta(self):
        return torch.cat([self.cell.t().reshape(-1), self.readout.t().reshape(-1)]).numpy()


class ByHandTrace(ByHand):
    def __init__(self, own: bool, start: Start):
        super().__init__(start)
        self.own, self.trace = own, torch.zeros_like(self.cell)

    def gradient(self, q):
        slope = 1 - self.h * self.h
        self.trace.mul_((slope * self.cell.diagonal())[:, None] if self.own else DECAY)
        self.trace.addr_(slope, self.row)
        torch.mul(self.trace, q[:, None], out=self.g_cell)


class ByHandRtrl(ByHand):
    def __init__(self, start: Start):
        super().__init__(start)
        self.s, self.other = torch.zeros(2, self.n, self.n * self.rows)

    def sweep(self, slope):
        torch.mm(self.cell[:, :self.n] * slope[:, None], self.s, out=self.other)

    def gradient(self, q):
        slope = 1 - self.h * self.h
        self.sweep(slope)
        self.s, self.other = self.other, self.s
        own = self.s.view(self.n, self.n, self.rows).diagonal(dim1=0, dim2=1)
        own.add_(torch.outer(self.row, slope))
        torch.mv(self.s.t(), q, out=self.g_cell.view(-1))


class ByHandMasked(ByHandRtrl):
    """The ring as a dense product with a masked Jacobian."""

    def __init__(self, start: Start):
        super().__init__(start)
        apart = (torch.arange(self.n)[:, None] - torch.arange(self.n)) % self.n
        self.mask = ((apart <= RING // 2) | (apart >= self.n - RING // 2)).float()

    def sweep(self, slope):
        torch.mm(self.cell[:, :self.n] * slope[:, None] * self.mask, self.s, out=self.other)


class ByHandRing(ByHandRtrl):
    """The ring by shifted rows, the ends apart: nothing is multiplied by zero."""

    def sweep(self, slope):
        units = torch.arange(self.n)
        weights = self.cell[:, :self.n] * slope[:, None]
        torch.mul(self.s, weights.diagonal()[:, None], out=self.other)
        for offset in (-2, -1, 1, 2):
            near = weights[units, (units + offset) % self.n][:, None]
            shift = offset % self.n
            self.other[:self.n - shift].addcmul_(near[:self.n - shift], self.s[shift:])
            self.other[self.n - shift:].addcmul_(near[self.n - shift:], self.s[:shift])


def rmsprop(theta, v, g, correction):
    v = BETA2 * v + (1 - BETA2) * g * g
    return theta - RATE * g * torch.rsqrt(v / correction + EPSILON * EPSILON), v


def ring_sweep(weights, s):
    """sum over l near k of weights[k, l] S[l]; one pass when it is compiled."""
    units, n = torch.arange(s.shape[0]), s.shape[0]
    return sum(weights[units, (units + offset) % n][:, None] * torch.roll(s, -offset, 0)
               for offset in range(-(RING // 2), RING // 2 + 1))


def compiled_step(state, x, y, one, sweep):
    """The state after a step; s in place. `sweep` takes S on, None for the immediate rule."""
    cell, readout, v_cell, v_readout, h, power, s = state
    n = h.shape[0]
    row = torch.cat([h, x, one])
    h = torch.tanh(torch.mv(cell, row))
    features = torch.cat([h, one])
    error = (2 / OUTPUTS) * ((readout * features).sum(1) - y)
    q = (readout[:, :-1] * error[:, None]).sum(0)
    slope = 1 - h * h
    if sweep is None:
        g = (q * slope)[:, None] * row
        square = (q * q * slope * slope).sum() * (row * row).sum()
    else:
        swept = sweep(cell[:, :n] * slope[:, None], s).view(n, n, -1)
        s.copy_((swept + torch.diag(slope)[:, :, None] * row).view(n, -1))
        g = (q @ s).view(n, -1)
        square = (g * g).sum()
    square = square + (error * error).sum() * (features * features).sum()
    scale = torch.clamp(CLIP * torch.rsqrt(square), max=1.0)
    power = power * BETA2
    cell, v_cell = rmsprop(cell, v_cell, g * scale, 1 - power)
    readout, v_readout = rmsprop(readout, v_readout, error[:, None] * (features * scale), 1 - power)
    return cell, readout, v_cell, v_readout, h, power, s


def compiled_steps(state, xs, ys, one, sweep):
    after = state
    for x, y in zip(xs.unbind(), ys.unbind()):
        after = compiled_step(after, x, y, one, sweep)
    for old, new in zip(state, after):
        if old is not new:
            old.copy_(new)


class Compiled:
    """`together` steps a call: what is known beforehand need not be handed over one by one."""

    def __init__(self, sweep, together: int, start: Start):
        hand = (ByHand if sweep is None else ByHandRtrl)(start)
        self.state = [hand.cell.clone(), hand.readout.clone(), torch.zeros_like(hand.cell),
                      torch.zeros_like(hand.readout), torch.zeros(hand.n), torch.ones(()),
                      torch.zeros(()) if sweep is None else hand.s.clone()]
        self.sequence = [*zip(torch.from_numpy(start.inputs).split(together),
                              torch.from_numpy(start.targets).split(together))]
        self.one = torch.ones(1)
        self.steps = torch.compile(functools.partial(compiled_steps, sweep=sweep), fullgraph=True,
                                   dynamic=False)

    def play(self):
        with torch.inference_mode():
            for xs, ys in self.sequence:
                self.steps(self.state, xs, ys, self.one)

    def theta(self):
        return torch.cat([layer.t().reshape(-1) for layer in self.state[:2]]).numpy()


class Plain:
    """By hand as it is usually written: a tensor a parameter, the norm over all of them."""

    def __init__(self, start: Start):
        cell, readout = (torch.from_numpy(layer.copy())
                         for layer in (start.cell(), start.readout()))
        cut = start.units, start.units + INPUTS
        self.all = [part.squeeze(0).contiguous() for part in
                    (cell[:cut[0]], cell[cut[0]:cut[1]], cell[cut[1]:], readout[:-1], readout[-1:])]
        self.slots = [torch.zeros_like(part) for part in self.all]
        self.h, self.updates = torch.zeros(start.units), 0
        self.sequence = [*zip(torch.from_numpy(start.inputs).unbind(),
                              torch.from_numpy(start.targets).unbind())]

    @torch.inference_mode()
    def play(self):
        w, u, b, v, c = self.all
        for x, y in self.sequence:
            h = torch.tanh(self.h @ w + x @ u + b)
            error = (2 / OUTPUTS) * (h @ v + c - y)
            back = (v @ error) * (1 - h * h)
            gradients = (torch.outer(self.h, back), torch.outer(x, back), back,
                         torch.outer(h, error), error)
            norm = torch.sqrt(sum((g * g).sum() for g in gradients))
            scale = torch.clamp(CLIP / norm, max=1.0)
            self.updates += 1
            correction = 1 - BETA2 ** self.updates
            for theta, slot, g in zip(self.all, self.slots, gradients):
                g.mul_(scale)
                slot.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
                theta.addcdiv_(g, (slot / correction).sqrt_().add_(EPSILON), value=-RATE)
            self.h = h

    def theta(self):
        return torch.cat([part.reshape(-1) for part in self.all]).numpy()


class Autograd:
    """A parameter a layer, which is quicker than torch.nn.Linear's two."""

    def __init__(self, start: Start):
        self.cell, self.readout = (torch.nn.Parameter(torch.from_numpy(layer.T.copy()))
                                   for layer in (start.cell(), start.readout()))
        self.all = [self.cell, self.readout]
        self.optimizer = torch.optim.RMSprop(self.all, lr=RATE, alpha=BETA2, eps=EPSILON)
        self.h, self.one = torch.zeros(start.units), torch.ones(1)
        self.sequence = [*zip(torch.from_numpy(start.inputs).unbind(),
                              torch.from_numpy(start.targets).unbind())]

    def play(self):
        for x, y in self.sequence:
            h = torch.tanh(torch.mv(self.cell, torch.cat([self.h, x, self.one])))
            loss = torch.nn.functional.mse_loss(
                torch.mv(self.readout, torch.cat([h, self.one])), y)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.all, CLIP)
            self.optimizer.step()
            self.h = h.detach()

    def theta(self):
        return np.concatenate([layer.detach().numpy().T.ravel() for layer in self.all])


CASES = {
    "immediate, by hand": ByHand,
    "immediate, by hand, plain": Plain,
    "immediate, compiled": functools.partial(Compiled, None, 8),
    "immediate, autograd": Autograd,
    "trace, by hand": functools.partial(ByHandTrace, False),
    "snap1, by hand": functools.partial(ByHandTrace, True),
    "ring4, by hand": ByHandRing,
    "ring4, by hand, masked": ByHandMasked,
    "ring4, compiled": functools.partial(Compiled, ring_sweep, 1),
    "rtrl, by hand": ByHandRtrl,
    "rtrl, compiled": functools.partial(Compiled, torch.mm, 1),
}

if __name__ == "__main__":
    serve(CASES)
