"""Online learning of a leaky tanh network by the formulas of Marschall, Cho and Savin (2020).

Written from the formulas as their program states them, in its conventions, which are not the
engine's: weights are W = [recurrent | input | bias] with a row for each unit; the error of the
squared loss is z - y, whatever the number of outputs; UORO's immediate derivative has no leak in
it; factors of stochastic rules start from normal draws; Adam adds epsilon before its correction.
Nothing here knows the engine.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Network:
    weights: np.ndarray  # [n, n + d + 1]
    readout: np.ndarray  # [m, n + 1]
    leak: float
    hidden: np.ndarray  # [n]


def influence(network, fan_in):
    """The new state, slopes tanh' [n] and the Jacobian [n, n] of a step."""
    n = len(network.hidden)
    activation = np.tanh(network.weights @ fan_in)
    slope = 1 - activation**2
    hidden = (1 - network.leak) * network.hidden + network.leak * activation
    jacobian = network.leak * slope[:, None] * network.weights[:, :n]
    return hidden, slope, jacobian + (1 - network.leak) * np.eye(n)


class Rtrl:
    """M = J M + M_immediate, G = q M; M [n, n, n + d + 1], unit by weight."""

    def __init__(self, network, random):
        n, k = network.weights.shape
        self.m = np.zeros((n, n, k))

    def gradient(self, network, fan_in, slope, jacobian, q, error):
        self.m = np.einsum("ab,bij->aij", jacobian, self.m)
        for unit in range(len(q)):
            self.m[unit, unit] += network.leak * slope[unit] * fan_in
        return np.einsum("a,aij->ij", q, self.m)


class Rflo:
    """B = (1 - leak) B + leak tanh' fan_in, G = q B; feedback by a fixed matrix if given."""

    def __init__(self, network, random, feedback=None):
        self.b = np.zeros_like(network.weights)
        self.feedback = feedback

    def gradient(self, network, fan_in, slope, jacobian, q, error):
        self.b = (1 - network.leak) * self.b + network.leak * np.outer(slope, fan_in)
        signal = q if self.feedback is None else error @ self.feedback
        return signal[:, None] * self.b


class Uoro:
    """A = p0 J A + p1 nu, B = B / p0 + nu M / p1, G = (q A) B."""

    def __init__(self, network, random, leak_in_immediate=False):
        self.a = random.normal(size=len(network.hidden))
        self.b = random.normal(size=network.weights.shape)
        self.state = {"A": self.a.tolist(), "B": self.b.tolist()}
        self.noise = []
        self.random = random
        self.leak_in_immediate = leak_in_immediate

    def gradient(self, network, fan_in, slope, jacobian, q, error):
        nu = self.random.choice([-1, 1], size=len(q))
        self.noise.append(nu.tolist())
        immediate = np.outer(slope, fan_in) * (network.leak if self.leak_in_immediate else 1)
        projection = nu[:, None] * immediate
        forward = jacobian @ self.a
        p0 = np.sqrt(np.linalg.norm(self.b) / np.linalg.norm(forward))
        p1 = np.sqrt(np.linalg.norm(projection) / np.sqrt(len(q)))
        self.a = p0 * forward + p1 * nu
        self.b = self.b / p0 + projection / p1
        return (q @ self.a) * self.b


class KfRtrl:
    """A = nu0 p0 A + nu1 p1 fan_in, B = nu0 J B / p0 + nu1 D / p1, G = (q B) A."""

    def __init__(self, network, random):
        n, k = network.weights.shape
        self.a = random.normal(size=k)
        self.b = random.normal(size=(n, n))
        self.state = {"A": self.a.tolist(), "B": self.b.tolist()}
        self.noise = []
        self.random = random

    def gradient(self, network, fan_in, slope, jacobian, q, error):
        nu = self.random.choice([-1, 1], size=2)
        self.noise.append(nu.tolist())
        diagonal = np.diag(network.leak * slope)
        forward = jacobian @ self.b
        p0 = np.sqrt(np.linalg.norm(forward) / np.linalg.norm(self.a))
        p1 = np.sqrt(np.linalg.norm(diagonal) / np.linalg.norm(fan_in))
        self.a = nu[0] * p0 * self.a + nu[1] * p1 * fan_in
        self.b = nu[0] / p0 * forward + nu[1] / p1 * diagonal
        return np.outer(q @ self.b, self.a)


class Sgd:
    """v = momentum v - rate g."""

    def __init__(self, rate, momentum=0.0):
        self.rate, self.momentum, self.velocity = rate, momentum, {}

    def change(self, name, gradient):
        velocity = self.momentum * self.velocity.get(name, 0) - self.rate * gradient
        self.velocity[name] = velocity
        return velocity


class Adam:
    """Epsilon beside the root that is not corrected, or where `placement` says."""

    def __init__(self, rate, placement="uncorrected", epsilon=1e-3, beta1=0.9, beta2=0.999):
        self.rate, self.placement, self.epsilon = rate, placement, epsilon
        self.beta1, self.beta2 = beta1, beta2
        self.moments = {}

    def change(self, name, gradient):
        m, v, t = self.moments.get(name, (0, 0, 0))
        m = self.beta1 * m + (1 - self.beta1) * gradient
        v = self.beta2 * v + (1 - self.beta2) * gradient**2
        t += 1
        self.moments[name] = m, v, t
        first, second = 1 - self.beta1**t, 1 - self.beta2**t
        if self.placement == "uncorrected":
            return -self.rate * np.sqrt(second) / first * m / (np.sqrt(v) + self.epsilon)
        if self.placement == "inside":
            return -self.rate * (m / first) / np.sqrt(v / second + self.epsilon)
        return -self.rate * (m / first) / (np.sqrt(v / second) + self.epsilon)


def squared_error(z, y):
    """The mean of squares, without the half; what is learned from is z - y."""
    return np.mean((z - y) ** 2), z - y, z


def softmax(z, y):
    p = np.exp(z - np.max(z))
    p /= p.sum()
    one_hot = np.zeros_like(z)
    one_hot[y] = 1
    return -np.log(p[y]), p - one_hot, p


def train(network, rule, optimizer, loss, inputs, targets):
    """Every step: forward, gradients, update. Returns what millrace-trajectory writes."""
    n = len(network.hidden)
    d = network.weights.shape[1] - n - 1
    out = {"loss": [], "hidden": [], "prediction": [], "gradients": {}}
    for x, y in zip(inputs, targets):
        fan_in = np.concatenate([network.hidden, x, [1.0]])
        network.hidden, slope, jacobian = influence(network, fan_in)
        seen = np.concatenate([network.hidden, [1.0]])
        value, error, prediction = loss(network.readout @ seen, y)
        q = error @ network.readout[:, :n]
        gradient = rule.gradient(network, fan_in, slope, jacobian, q, error)
        outer = np.outer(error, seen)
        out["loss"].append(value)
        out["hidden"].append(network.hidden.copy())
        out["prediction"].append(prediction)
        for name, block in by_name(gradient, outer, n, d).items():
            out["gradients"].setdefault(name, []).append(block.copy())
        network.weights = network.weights + optimizer.change("recurrent", gradient)
        network.readout = network.readout + optimizer.change("readout", outer)
    out["weights"] = by_name(network.weights, network.readout, n, d)
    return out


def by_name(weights, readout, n, d):
    return {
        "recurrent": weights[:, :n],
        "input": weights[:, n : n + d],
        "bias": weights[:, n + d],
        "readout": readout[:, :n],
        "readout_bias": readout[:, n],
    }
