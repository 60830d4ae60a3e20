"""The endorsement replicator.

Shards judge each other. A shard that the active ones endorse, in that they get more of what they
want as it grows, gains weight:
    w_k ← w_k exp(η f_k),    f_k = Σ_j σ_j E_jk,    E_jk = dJ_j / d log w_k.
To endorse a shard is to bid for keeping it (Pope & Turner 2022, "The shard theory of human
values"); the update is the replicator's, or Hedge's (Freund & Schapire 1997, "A decision-theoretic
generalization of on-line learning").
Weights are absolute unless told otherwise: normalised ones make shards compete that never meet.
Axis letters: T steps · J, K shards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from shardsim.base.errors import UserError
from shardsim.reflection.models.problem import Outcome, Problem, shares

Judges = Literal["frozen", "refreshed"]
OfWeights = Callable[[np.ndarray], np.ndarray]
Fitness = Callable[[np.ndarray, np.ndarray], np.ndarray]  # weights [K], judges [J] -> f [K]


class Path(NamedTuple):
    """The weights over reflection steps, with who judged and how."""

    weights: np.ndarray  # float64[T + 1, K]
    judges: np.ndarray  # float64[T + 1, ..., K], sums to 1 over K; contexts between, if any


def fitness(judges: np.ndarray, endorsement: np.ndarray) -> np.ndarray:
    """Return f float64[..., K] of judges σ float[..., J] with endorsements E float[..., J, K]."""
    return np.einsum("...j,...jk->...k", judges, endorsement)


def endorsements(problem: Problem) -> Outcome:
    """Grow every shard by what the judges gain from it: one branch, f = αᵀG, G being E.

    Options are the shards' own growth; f is how much of each, in log weight at η = 1: no lottery.
    """
    return Outcome(fitness(problem.judges, problem.gains)[None])


def replicate(
    weights: np.ndarray,
    fitness_of: Fitness,
    judges_of: OfWeights,
    *,
    rate: float,
    steps: int,
    judges: Judges = "frozen",
    normalised: bool = False,
) -> Path:
    """Run the replicator in steps.

    Args:
        weights: float[K] > 0, where to start.
        fitness_of: (weights [K], judges [J]) -> f [K]; `fitness` of an endorsement matrix that
            may depend on the weights, averaged over the contexts of the onset.
        judges_of: weights [K] -> σ [K], the activated distribution at onset.
        rate: η, in units of log weight for a gain of 1.
        steps: number of steps T.
        judges: frozen at the onset, or refreshed at every step.
        normalised: scale the weights to sum to 1 after each step.

    Raises:
        UserError: a weight is not positive.
    """
    weights = _alive(weights)
    sigma = judges_of(weights)
    path, sigmas = [weights], [sigma]
    for _ in range(steps):
        weights = weights * np.exp(rate * fitness_of(weights, sigma))
        weights = shares(weights) if normalised else weights
        sigma = judges_of(weights) if judges == "refreshed" else sigma
        path.append(weights)
        sigmas.append(sigma)
    return Path(np.stack(path), np.stack(sigmas))


def flow(
    weights: np.ndarray,
    fitness_of: Fitness,
    judges_of: OfWeights,
    times: np.ndarray,
    *,
    judges: Judges = "frozen",
    normalised: bool = False,
) -> np.ndarray:
    """Return the weights float64[T, K] at float[T] `times` in the limit of small steps, from 0 on.

    d log w_k / dt = f_k, one unit of time being 1/η steps; less the mean of f where `normalised`.
    Arguments and errors otherwise as `replicate`.
    """
    start = _alive(weights)
    start = shares(start) if normalised else start
    first = judges_of(start)

    def slope(_, logs: np.ndarray) -> np.ndarray:
        now = np.exp(logs)
        rate = fitness_of(now, judges_of(now) if judges == "refreshed" else first)
        return rate - (now @ rate if normalised else 0.0)

    ends = (0.0, float(np.max(times)))
    found = solve_ivp(
        slope, ends, np.log(start), method="DOP853", t_eval=times, rtol=1e-11, atol=1e-13
    )
    return np.exp(found.y.T)


def _alive(weights: np.ndarray) -> np.ndarray:
    weights = np.asarray(weights, np.float64)
    if not (weights > 0).all():
        raise UserError("the replicator needs weights above 0: a shard at 0 never comes back")
    return weights
