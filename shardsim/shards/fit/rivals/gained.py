"""Rivals that are one agent with a gain, on the shards' own terms: how they are fitted.

Such a rival chooses by a rule with few parameters θ of its own; the rule's strength is a gain
g(x) >= 0 on the same gate atoms, beside the same habit and affordance.
Axes: C contexts, A actions, J atoms, O concepts, T parameters of the rule, N coefficients: θ,
habit, affordance atoms, gain atoms.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.data import log_softmax, whole_levels
from shardsim.shards.fit.linear_models import (
    AFFORDANCE_RIDGE,
    GATE_RIDGE,
    HABIT_RIDGE,
    Common,
)

GAIN_ATOMS = 40
GAIN_PENALTY = 1e-3
SAMPLE = 1500  # contexts, of whole levels, on which starts are compared
FINALISTS = 3  # starts that go on, everything free
FINAL_STEPS = 8  # of each of these, before the best alone goes on
HELD_STEPS = 5  # of a start
LEAST_GAIN = 0.3  # constant, of a start: without gain its θ would have nothing to improve
STEPS = 30  # at most, of every fit
ROUGH = 1e-5  # nats; how near an optimum is come on the sample
FOLD_STEPS = 2


class Slopes(NamedTuple):
    """How the log-probabilities change, up to a constant in each context."""

    theta: np.ndarray  # [C, A, T]
    gain: np.ndarray  # [C, A], with the gain
    blocked: np.ndarray  # [C, A], with the logit of blocked actions
    habit: np.ndarray  # [C, A, A], with the habit of each action


@runtime_checkable
class Rule(Protocol):
    """How a rival chooses in some contexts, whose arrays it holds."""

    def logs(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Log-probabilities float64[C, A] under a gain [C], beside habit with affordance [C, A]."""
        ...

    def slopes(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> Slopes:
        """Their slopes."""
        ...

    def held(self, theta: np.ndarray) -> Rule:
        """The same where θ is given and will not change; its slopes in θ are of no use."""
        ...


class Rival(NamedTuple):
    """A rival as `fit` takes it."""

    rule: Callable[[Common], Rule]
    starts: Callable[[Common, np.ndarray, np.random.Generator], list[np.ndarray]]  # θ [T] each
    bounds: Callable[[Common], tuple[np.ndarray, np.ndarray]]  # of θ, low [T] and high [T]
    ridge: float  # of θ
    most_levels: Callable[[Common], int]  # that θ is fitted in; where there are more it is held


def every_level(_: Common) -> int:
    """Return no limit: θ is fitted in all levels."""
    return sys.maxsize


@dataclass(frozen=True)
class Utility:
    """The rule of one utility U [C, A], which the gain multiplies."""

    blocked: np.ndarray  # [C, A]
    value: Callable[[np.ndarray], np.ndarray]  # θ -> U [C, A]
    value_and_slopes: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # U, [C, A, T]

    def logs(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Log-probabilities [C, A]."""
        return log_softmax(base + gain[:, None] * self.value(theta))

    def slopes(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> Slopes:
        """Slopes of the logits."""
        value, slopes = self.value_and_slopes(theta)
        actions = value.shape[1]
        return Slopes(
            theta=slopes * gain[:, None, None],
            gain=value - value.mean(1, keepdims=True),
            blocked=self.blocked,
            habit=np.broadcast_to(np.eye(actions), (len(value), actions, actions)),
        )

    def held(self, theta: np.ndarray) -> Utility:
        """Return the same with U worked out."""
        value = self.value(theta)
        still = np.zeros((*value.shape, len(theta)), np.float32)
        return Utility(self.blocked, lambda _: value, lambda _: (value, still))


@dataclass(frozen=True)
class Gained:
    """A rule with its gain, habit and affordance as a `likelihood.Model`."""

    rule: Rule
    atoms: np.ndarray  # [C, J], of the gain, constant first
    afford: np.ndarray  # [C, Ja]
    blocked: np.ndarray  # [C, A]
    low: np.ndarray  # [N]
    high: np.ndarray  # [N]
    penalty: np.ndarray  # [N]
    ridge: np.ndarray  # [N]

    @property
    def ends(self) -> list[int]:
        """Where θ, habit and affordance end among the coefficients."""
        gain = len(self.ridge) - self.atoms.shape[1]
        afford = gain - self.afford.shape[1]
        return [afford - self.blocked.shape[1], afford, gain]

    def _split(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """θ [T], gain [C], habit with affordance [C, A]."""
        theta, habit, afford, gain = np.split(coefficients, self.ends)
        return theta, self.atoms @ gain, habit + (self.afford @ afford)[:, None] * self.blocked

    def logs(self, coefficients: np.ndarray) -> np.ndarray:
        """Log-probabilities float64[C, A]."""
        return self.rule.logs(*self._split(coefficients))

    def slopes(self, coefficients: np.ndarray) -> np.ndarray:
        """Slopes float32[C, A, N]."""
        own = self.rule.slopes(*self._split(coefficients))
        theta, habit, afford = self.ends
        found = np.empty((*self.blocked.shape, len(coefficients)), np.float32)
        found[:, :, :theta] = own.theta
        found[:, :, theta:habit] = own.habit
        blocked, gain = own.blocked.astype(np.float32), own.gain.astype(np.float32)
        np.multiply(blocked[:, :, None], self.afford[:, None], out=found[:, :, habit:afford])
        np.multiply(gain[:, :, None], self.atoms[:, None], out=found[:, :, afford:])
        return found

    def held(self, theta: np.ndarray) -> Gained:
        """Return the same with θ given, and nothing of it worked out again."""
        rest = len(self.ridge) - len(theta)
        return dataclasses.replace(
            self,
            rule=self.rule.held(theta),
            low=np.r_[theta, self.low[-rest:]],
            high=np.r_[theta, self.high[-rest:]],
        )


def model(rival: Rival, shared: Common, values: np.ndarray) -> Gained:
    """Return a rival on contexts with atom values [C, J] of the gain, constant first."""
    low, high = rival.bounds(shared)
    actions, afford, atoms = shared.target.shape[1], shared.affordance.shape[1], values.shape[1]
    rest = actions + afford
    penalty = np.full(atoms, GAIN_PENALTY)
    penalty[0] = 0.0  # a constant gain is free
    return Gained(
        rule=rival.rule(shared),
        atoms=values.astype(np.float32),
        afford=shared.affordance.astype(np.float32),
        blocked=shared.data.blocked.astype(np.float32),
        low=np.r_[low, np.full(rest, -np.inf), np.zeros(atoms)],
        high=np.r_[high, np.full(rest + atoms, np.inf)],
        penalty=np.r_[np.zeros(len(low) + rest), penalty],
        ridge=np.r_[
            np.full(len(low), rival.ridge),
            np.full(actions + 1, HABIT_RIDGE),
            np.full(afford - 1, AFFORDANCE_RIDGE),
            np.full(atoms, GATE_RIDGE),
        ],
    )


class Fitted(NamedTuple):
    """A rival fitted to contexts."""

    model: Gained  # on those contexts
    coefficients: np.ndarray  # [N]

    def cross_fit(self, shared: Common) -> np.ndarray:
        """Held-out log-probabilities [C, A] of the contexts of the fit."""
        given = self.model, shared.target, shared.fold, self.coefficients
        return likelihood.cross_fit(*given, FOLD_STEPS)


def fit(rival: Rival, shared: Common, values: np.ndarray, weights: np.ndarray, seed: int) -> Fitted:
    """Fit to all contexts.

    Every start is tried on a sample of levels: first gain, habit and affordance beside it, which
    is nearly convex; from the best few of these everything is fitted there, and the best of them
    goes on to all contexts.

    Args:
      rival: what is fitted.
      shared: target and common terms.
      values: [C, J], atom values of the gain, constant first.
      weights: [O], one utility's, signed, to start from.
      seed: of the sample and of random starts.
    """
    rng = np.random.default_rng(seed)
    most = rival.most_levels(shared)
    rows = whole_levels(shared.data.level_index, SAMPLE, seed, most)
    few = linear_models.part(shared, rows)
    sampled = model(rival, few, values[rows])
    gain = len(sampled.ridge) - values.shape[1]
    tried = []
    for theta in rival.starts(few, weights, rng):
        begin = np.zeros(len(sampled.ridge))
        begin[: len(theta)], begin[gain] = theta, 1.0
        beside = likelihood.fit(sampled.held(theta), few.target, begin, HELD_STEPS, ROUGH)
        beside[gain] = max(beside[gain], LEAST_GAIN)
        tried.append(beside)

    def rank(starts: list[np.ndarray]) -> list[np.ndarray]:
        return sorted(starts, key=lambda one: likelihood.loss(sampled, few.target, one))

    grown = [
        likelihood.fit(sampled, few.target, one, FINAL_STEPS, ROUGH)
        for one in rank(tried)[:FINALISTS]
    ]
    best = likelihood.fit(sampled, few.target, rank(grown)[0], STEPS, ROUGH)
    whole = model(rival, shared, values)
    if len(np.unique(shared.data.level_index)) > most:
        whole = whole.held(best[: sampled.ends[0]])
    return Fitted(whole, likelihood.fit(whole, shared.target, best, STEPS))
