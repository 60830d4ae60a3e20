"""One dictionary of preferences for several agents; gates of an agent under a given dictionary.

A track needs one identity a shard: preferences are fitted to the summed statistics of all seeds and
checkpoints, while gates, habits and affordances stay free for each.
Axes: I agents, C contexts, O concepts, Q signed columns, J atoms, K shards, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from shardsim.base.errors import UserError
from shardsim.shards.fit import gram, linear_models, search, selection, solvers
from shardsim.shards.fit.data import DecisionData, level_means
from shardsim.shards.fit.gram import Problem
from shardsim.shards.fit.mle import fit_mle
from shardsim.shards.fit.selection import Workspace
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.shards.fit.solvers import Factors
from shardsim.shards.fit.structure import Structure, structure_in, unfold

ROUNDS = 12
SIGN_VOTE = 1 / 3  # part of the agents that must shun a concept for a negative column
DIRECTIONS = 8


class Joint(NamedTuple):
    """Problems of several agents over the same signed columns, each scaled to its null loss."""

    problems: list[Problem]  # I
    penalties: list[float]  # I


class JointFit(NamedTuple):
    """One dictionary with gates for every agent."""

    gates: list[np.ndarray]  # I times [J, K]
    preferences: np.ndarray  # [K, Q]
    objective: float


def prepared(data: DecisionData, *, seed: int = 0) -> Workspace:
    """What all fits below share over an agent, for those who fit it more than once."""
    with threadpool_limits(limits=1):
        return selection.prepare(data, gram.tempered(data), data.logits, seed)


def fit_gates(
    preferences: np.ndarray, data: DecisionData, *, seed: int = 0, work: Workspace | None = None
) -> ShardModel:
    """Fit gates, habit and affordance to an agent under given preferences [K, O] (signed, unit).

    A convex problem with one answer; a shard that the agent lacks gets a gate of zero. `work` is
    what `prepared` gave for the same data and seed.

    Raises:
      UserError: preferences are not over the data's concepts.
    """
    concepts = data.advantages.shape[2]
    preferences = np.asarray(preferences, np.float64)
    if preferences.ndim != 2 or preferences.shape[1] != concepts:
        raise UserError(
            f"preferences have shape {preferences.shape}; give [shards, {concepts}] instead"
        )
    with threadpool_limits(limits=1):
        work = work or prepared(data, seed=seed)
        penalty = selection.PENALTY * solvers.penalty_limit(work.problem.linear)
        coefficients = solvers.fit_gates(work.problem, preferences, penalty)
        shared = linear_models.common(
            data, work.fold, work.values, np.asarray((preferences < 0).any(0))
        )
        fitted = fit_mle(shared, work.values, coefficients, preferences)
        return shard_model(work.atoms, fitted, preferences, data)


def fit_shared(
    datas: Sequence[DecisionData],
    *,
    max_shards: int = 8,
    seed: int = 0,
    works: Sequence[Workspace] | None = None,
) -> np.ndarray:
    """One dictionary of preferences [K, O] for several agents.

    Args:
      datas: one an agent (seed × checkpoint), all over the same concepts.
      max_shards: upper limit.
      seed: of trees, folds and starts.
      works: what `prepared` gave for the same data and seed, where that is there.

    Returns:
      Unit preferences, the number chosen on held-out levels over all agents; agents without any
      structure of their own have no vote. [0, O] where none has.

    Raises:
      UserError: no agent is given.
    """
    if not datas:
        raise UserError("no agents to share a dictionary; give at least one")
    concepts = datas[0].advantages.shape[2]
    with threadpool_limits(limits=1):
        works = works or [prepared(d, seed=seed) for d in datas]
        found = [structure_in(work, max_shards, seed) for work in works]
        voters = [s for s in found if len(s.preferences)]
        if not voters:
            return np.zeros((0, concepts))
        columns, signs = _columns(voters, concepts)
        fit = _search(voters, columns, signs, max_shards, seed)
        return _unit(unfold(fit.preferences, columns, signs, concepts))


def _unit(preferences: np.ndarray) -> np.ndarray:
    return preferences / np.maximum(np.linalg.norm(preferences, axis=1, keepdims=True), 1e-12)


def _columns(voters: list[Structure], concepts: int) -> tuple[np.ndarray, np.ndarray]:
    """All concepts with a positive sign, and those that enough agents shun with a negative one."""
    shunned = np.mean([(s.preferences < -0.05).any(0) for s in voters], 0) >= SIGN_VOTE
    negative = np.flatnonzero(shunned)
    columns = np.r_[np.arange(concepts), negative]
    return columns, np.r_[np.ones(concepts), -np.ones(len(negative))]


def _joint(voters: list[Structure], columns, signs, fold: int = -1) -> Joint:
    """The agents' problems, of all levels or of all folds but one."""
    problems, penalties = [], []
    for structure in voters:
        work = structure.work
        scale = 1.0 / max(work.problem.constant, 1e-12)
        problem = gram.signed(work.training[fold] if fold >= 0 else work.problem, columns, signs)
        problems.append(
            problem._replace(
                quadratic=problem.quadratic * scale,
                linear=problem.linear * scale,
                constant=problem.constant * scale,
            )
        )
        penalties.append(selection.PENALTY * solvers.penalty_limit(problems[-1].linear))
    return Joint(problems, penalties)


def _alternate(
    joint: Joint, preferences: np.ndarray, gates: list[np.ndarray] | None, rounds: int
) -> JointFit:
    """Alternate each agent's gates and the common preferences; gates last."""
    now = _joint_gates(joint, preferences, gates)
    for _ in range(rounds):
        parts = [
            solvers.preference_statistics(p, g) for p, g in zip(joint.problems, now, strict=True)
        ]
        amount = np.sum([p * g.sum(0) for p, g in zip(joint.penalties, now, strict=True)], 0)
        matrix, linear = (np.sum(part, 0) for part in zip(*parts, strict=True))
        raw = solvers.fit_preferences(matrix, linear, amount, preferences)
        norm = np.linalg.norm(raw, axis=1)
        alive = (norm > 1e-9)[:, None]
        preferences = np.where(alive, raw / np.maximum(norm[:, None], 1e-12), preferences)
        now = _joint_gates(joint, preferences, [g * norm for g in now])
    return JointFit(now, preferences, _objective(joint, now, preferences))


def _joint_gates(
    joint: Joint, preferences: np.ndarray, start: list[np.ndarray] | None
) -> list[np.ndarray]:
    starts = [None] * len(joint.problems) if start is None else start
    return [
        solvers.fit_gates(problem, preferences, penalty, begin)
        for problem, penalty, begin in zip(joint.problems, joint.penalties, starts, strict=True)
    ]


def _objective(joint: Joint, gates, preferences) -> float:
    strength = solvers.strength(preferences)
    return sum(
        solvers.objective(problem, g @ preferences) + penalty * float(g.sum(0) @ strength)
        for problem, penalty, g in zip(joint.problems, joint.penalties, gates, strict=True)
    )


def _candidates(voters: list[Structure], columns, signs, seed: int) -> np.ndarray:
    """Axes and clusters of the preferences that the agents show alone, on signed columns."""
    rng = np.random.default_rng(seed)
    own = np.concatenate([s.preferences * s.gates.mean(0)[:, None] for s in voters])
    spread = np.maximum(own[:, columns] * signs, 0.0)
    means = search.spherical_means(spread, DIRECTIONS, rng)
    kept: list[np.ndarray] = []
    for direction in [*means, *np.eye(len(columns))]:
        if all(direction @ other < search.CLOSE for other in kept):
            kept.append(direction)
    return np.stack(kept)


def _grow(joint: Joint, fit: JointFit | None, directions: np.ndarray) -> JointFit:
    """The best joint fit with one shard more."""
    best: JointFit | None = None
    for direction in directions:
        if fit is not None and (fit.preferences @ direction).max() > 0.98:
            continue
        preferences, gates = direction[None], None
        if fit is not None:
            preferences = np.vstack([fit.preferences, direction])
            gates = [np.column_stack([g, np.zeros(len(g))]) for g in fit.gates]
        trial = _alternate(joint, preferences, gates, 1)
        if best is None or trial.objective < best.objective:
            best = trial
    assert best is not None
    return _alternate(joint, best.preferences, best.gates, ROUNDS)


def _level_losses(voters: list[Structure], columns, signs, fit: JointFit | None) -> np.ndarray:
    """Held-out loss of every (agent, level), relative to the agent's null; folds apart."""
    losses = [np.zeros(len(s.work.data.logits)) for s in voters]
    for fold in range(max(len(s.work.training) for s in voters)):
        joint = _joint(voters, columns, signs, fold)
        trained = None if fit is None else _alternate(joint, fit.preferences, fit.gates, 2)
        for index, structure in enumerate(voters):
            factors = selection.no_shards(structure.work)
            if trained is not None:
                folded = unfold(trained.preferences, columns, signs, structure.preferences.shape[1])
                factors = Factors(trained.gates[index], folded, 0.0)
            losses[index] += selection.fold_loss(structure.work, factors, fold)
    means = [
        level_means(loss, s.work.data.level_index) / max(s.work.problem.constant, 1e-12)
        for loss, s in zip(losses, voters, strict=True)
    ]
    return _pair_levels(means)


def _pair_levels(means: list[np.ndarray]) -> np.ndarray:
    """Average over agents where all saw the same number of levels, else one after the other."""
    same = len({len(m) for m in means}) == 1
    return np.mean(means, 0) if same else np.concatenate(means)


def _search(voters: list[Structure], columns, signs, max_shards: int, seed: int) -> JointFit:
    """Grow the dictionary and choose its size on held-out levels."""
    joint = _joint(voters, columns, signs)
    directions = _candidates(voters, columns, signs, seed)
    concepts = voters[0].preferences.shape[1]
    fits: list[JointFit | None] = [None]
    losses = [_level_losses(voters, columns, signs, None)]
    for _ in range(min(max_shards, concepts)):
        fit = _grow(joint, fits[-1], directions)
        folded = _unit(unfold(fit.preferences, columns, signs, concepts))
        if selection.parallel(Factors(np.zeros((0, 0)), folded, 0.0)):
            break
        fits.append(fit)
        losses.append(_level_losses(voters, columns, signs, fit))
        if len(losses) > 3 and losses[-1].mean() > losses[-2].mean():
            break
    chosen = max(1, selection.choose(np.stack(losses)))
    fit = fits[chosen]
    assert fit is not None
    return fit
