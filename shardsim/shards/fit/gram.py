"""Sufficient statistics: quadratic forms in each context, and Gram matrices over a dictionary.

Axes: C contexts, A actions, O concepts, J atoms, P = O + 1 + A terms of a context (concepts,
blocked, habit), N = J·(O + 1) + A coefficients: concepts (atom-major), affordance atoms, habit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.data import DecisionData, log_softmax

RELATIVE_AFFORDANCE_RIDGE = 0.02
HABIT_RIDGE = 1e-6
SHARD_RIDGE = 1e-7
TEMPERATURE = 3.0
CENTRING = 0.1


class Moments(NamedTuple):
    """½ uᵀ hessian u − slopeᵀ u + ½ constant, one quadratic loss a context."""

    hessian: np.ndarray  # [C, P, P]
    slope: np.ndarray  # [C, P]
    constant: np.ndarray  # [C]


class Gram(NamedTuple):
    """The same loss in the coefficients of a dictionary, summed over contexts."""

    quadratic: np.ndarray  # [N, N]
    linear: np.ndarray  # [N]
    constant: float
    count: float


class Problem(NamedTuple):
    """A Gram with habit and affordance projected out: a quadratic in B[J, O] alone."""

    quadratic: np.ndarray  # [J, O, J, O], a context
    linear: np.ndarray  # [J, O]
    constant: float  # loss without shards is ½ constant
    to_nuisance: np.ndarray  # [J + A, J·O]: nuisance = base − to_nuisance @ vec(B)
    base: np.ndarray  # [J + A]


def terms(data: DecisionData) -> np.ndarray:
    """What each term adds to each action's logit, [C, A, P]."""
    size, actions, _ = data.advantages.shape
    habit = np.broadcast_to(np.eye(actions), (size, actions, actions))
    blocked = data.blocked.astype(np.float64)[..., None]
    return np.concatenate([data.advantages, blocked, habit], 2)


def moments(data: DecisionData, metric: np.ndarray, target: np.ndarray | None = None) -> Moments:
    """Quadratic loss ½ (m − y)ᵀ W (m − y) of every context in its terms.

    Args:
      data: decisions.
      metric: W, [C, A, A], symmetric, positive semidefinite, constants in its null space.
      target: y, [C, A]; the data's logits by default.
    """
    design = terms(data)
    target = data.logits if target is None else target
    weighted = metric @ design
    transposed = design.transpose(0, 2, 1)
    slope = (weighted.transpose(0, 2, 1) @ target[..., None])[..., 0]
    constant = (target * (metric @ target[..., None])[..., 0]).sum(1)
    return Moments(transposed @ weighted, slope, constant)


def tempered(data: DecisionData) -> np.ndarray:
    """The metric [C, A, A] of squared errors in logits that the search works in.

    Fisher information diag(p) − p pᵀ of the agent's own policy at a raised temperature, plus a
    little of plain centring: errors in logits of actions that are never taken count less, yet no
    context is lost where the agent is sure. Unbiased for exact logits whatever the temperature.
    """
    actions = data.logits.shape[1]
    chance = np.exp(log_softmax(data.logits / TEMPERATURE))
    fisher = chance[:, :, None] * np.eye(actions) - chance[:, :, None] * chance[:, None, :]
    return actions * fisher + CENTRING * (np.eye(actions) - 1.0 / actions)


def gram(values: np.ndarray, stats: Moments, concepts: int) -> Gram:
    """Sum the quadratic losses of contexts with atom values [C, J]."""
    size, atoms = values.shape
    actions = stats.slope.shape[1] - concepts - 1
    shared = concepts + 1
    total = atoms * shared + actions
    quadratic = np.empty((total, total))
    grid = quadratic[: atoms * shared, : atoms * shared]
    for first in range(shared):
        rows = _columns(first, atoms, concepts)
        for second in range(first, shared):
            block = values.T @ (values * stats.hessian[:, first, second, None])
            columns = _columns(second, atoms, concepts)
            grid[np.ix_(rows, columns)] = block
            grid[np.ix_(columns, rows)] = block.T
        cross = values.T @ stats.hessian[:, first, shared:]
        quadratic[rows, atoms * shared :] = cross
        quadratic[atoms * shared :, rows] = cross.T
    quadratic[atoms * shared :, atoms * shared :] = stats.hessian[:, shared:, shared:].sum(0)
    linear = np.empty(total)
    for term in range(shared):
        linear[_columns(term, atoms, concepts)] = values.T @ stats.slope[:, term]
    linear[atoms * shared :] = stats.slope[:, shared:].sum(0)
    return Gram(quadratic, linear, float(stats.constant.sum()), float(size))


def _columns(term: int, atoms: int, concepts: int) -> np.ndarray:
    if term < concepts:
        return np.arange(atoms) * concepts + term
    return np.arange(atoms) + atoms * concepts


def add(grams: list[Gram]) -> Gram:
    """The Gram of all contexts together."""
    return Gram(
        np.sum([g.quadratic for g in grams], 0),
        np.sum([g.linear for g in grams], 0),
        float(sum(g.constant for g in grams)),
        float(sum(g.count for g in grams)),
    )


def project(whole: Gram, atoms: int, concepts: int) -> Problem:
    """Minimise over habit and affordance, which leaves a quadratic in the shards alone."""
    shards = atoms * concepts
    inner = whole.quadratic[shards:, shards:] / whole.count
    cross = whole.quadratic[shards:, :shards] / whole.count
    linear = whole.linear / whole.count
    ridge = np.full(len(inner), HABIT_RIDGE)
    ridge[1:atoms] = RELATIVE_AFFORDANCE_RIDGE * max(inner[0, 0], 1e-6)  # the constant atom is free
    ridge[0] = HABIT_RIDGE
    inner = inner + np.diag(ridge)
    solved = np.linalg.solve(inner, np.column_stack([cross, linear[shards:]]))
    to_nuisance, base = solved[:, :-1], solved[:, -1]
    quadratic = whole.quadratic[:shards, :shards] / whole.count - cross.T @ to_nuisance
    quadratic = (quadratic + quadratic.T) / 2
    quadratic[np.diag_indices(shards)] += SHARD_RIDGE
    return Problem(
        quadratic.reshape(atoms, concepts, atoms, concepts),
        (linear[:shards] - cross.T @ base).reshape(atoms, concepts),
        whole.constant / whole.count - float(linear[shards:] @ base),
        to_nuisance,
        base,
    )


def signed(problem: Problem, columns: np.ndarray, signs: np.ndarray) -> Problem:
    """Concept columns taken with a sign each, so that a shunned concept is a positive weight.

    Args:
      problem: over O concepts.
      columns: int[Q], the concept of each new column.
      signs: [Q], 1 or −1.
    """
    quadratic = problem.quadratic[:, columns][:, :, :, columns]
    quadratic = quadratic * signs[None, :, None, None] * signs
    atoms, concepts = problem.linear.shape
    onto = problem.to_nuisance.reshape(-1, atoms, concepts)[:, :, columns] * signs
    return problem._replace(
        quadratic=np.ascontiguousarray(quadratic),
        linear=problem.linear[:, columns] * signs,
        to_nuisance=onto.reshape(len(onto), -1),
    )
