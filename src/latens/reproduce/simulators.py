"""A simulator to be replaced: the Lorenz system, integrated by SciPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["LYAPUNOV", "QUICK", "Flow", "FlowSize", "lorenz", "rollout_errors"]

# Of the system's largest exponent, per unit of time: small differences grow by e in each of its inverses.
LYAPUNOV = 0.906
_STEP = 0.02
# Until a trajectory is on the attractor.
_BURN_IN = 10.0
_SEED = 1963


@dataclass(frozen=True)
class FlowSize:
    """How much is simulated: trajectories to learn from and to be judged on, and their steps."""

    train: int = 200
    test: int = 32
    context: int = 50
    steps: int = 250


QUICK = FlowSize(train=8, test=4, context=20, steps=60)


@dataclass(frozen=True, eq=False)
class Flow:
    """Trajectories of a system at equal steps of time.

    Args:
        name: The system's.
        step: Time from a state to the next.
        context: States that a rollout is given.
        train: (n, T, d).
        test: (m, T, d), never learned from.
        nudged: (m, T - context, d), what the simulator itself makes of the test trajectories' last given states when
            these are off by a thousandth of the deviation: how far any replacement can be expected to come.
    """

    name: str
    step: float
    context: int
    train: np.ndarray
    test: np.ndarray
    nudged: np.ndarray

    def describe(self) -> dict[str, str | int | float]:
        """What a result has to say about its data."""
        n, steps, _ = self.train.shape
        return {"name": self.name, "series": n, "steps": steps, "time_step": self.step, "context": self.context}


def lorenz(size: FlowSize) -> Flow:
    r"""Trajectories on the attractor of the Lorenz system.

    .. math:: \dot{x} = 10 (y - x), \quad \dot{y} = x (28 - z) - y, \quad \dot{z} = x y - \tfrac{8}{3} z

    (Lorenz, 1963, https://doi.org/10.1175/1520-0469(1963)020%3C0130:DNF%3E2.0.CO;2.)

    Args:
        size: How much of it.

    Example:
        >>> lorenz(FlowSize(train=2, test=1, context=5, steps=20)).train.shape
        (2, 20, 3)
    """
    random = np.random.default_rng(_SEED)
    starts = random.normal([0.0, 0.0, 25.0], 5.0, size=(size.train + size.test, 3))
    settled = _integrated(starts, np.array([0.0, _BURN_IN]))[:, -1]
    found = _integrated(settled, _STEP * np.arange(size.steps))
    train, test = found[: size.train], found[size.train :]
    off = 1e-3 * train.std(axis=(0, 1)) * random.normal(size=(size.test, 3))
    steps = _STEP * np.arange(size.steps - size.context + 1)
    nudged = _integrated(test[:, size.context - 1] + off, steps)[:, 1:]
    return Flow("Lorenz system", _STEP, size.context, train, test, nudged)


def _integrated(starts: np.ndarray, times: np.ndarray) -> np.ndarray:  # (n, 3), (T,) -> (n, T, 3)
    """All trajectories at once, as one system of 3n equations."""
    from scipy.integrate import solve_ivp

    def velocity(_: float, flat: np.ndarray) -> np.ndarray:
        x, y, z = flat.reshape(-1, 3).T
        return np.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z], axis=1).ravel()

    found = solve_ivp(velocity, (times[0], times[-1]), starts.ravel(), t_eval=times, rtol=1e-9, atol=1e-9)
    return np.asarray(found.y.T.reshape(len(times), -1, 3).transpose(1, 0, 2))


def rollout_errors(made: np.ndarray, flow: Flow) -> np.ndarray:  # (m, S, d) -> (S,)
    """The root mean square error of each step of rollouts, where 1 is the attractor's deviation.

    Args:
        made: Of the test trajectories, from where their context ends.
        flow: The truth.
    """
    scale = flow.train.std(axis=(0, 1))
    off = (made - flow.test[:, flow.context :]) / scale
    return np.asarray(np.sqrt(np.square(off).mean(axis=(0, 2))))
