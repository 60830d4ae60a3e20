"""Goals that an agent holds one at a time, hidden from an onlooker, fitted to episodes by EM.

In hidden state z it chooses by softmax(own·θ_z + shared·φ), θ_z its goal. Four ways in which z goes
on: 'whole episode', never (a mixture of intentions: Babeş-Vroman et al. 2011, "Apprenticeship
learning about multiple intentions"); 'stationary', with chances that nothing changes (hidden Markov
over intentions: Zhu et al. 2024, "Multi-intention inverse Q-learning for interpretable behavior
representation"; over any regressors the GLM-HMM: Ashwood et al. 2022, "Mice alternate between
discrete behavioral strategies during perceptual decision-making"); 'state', with chances that
depend on where the step led (Ke et al. 2024, "Inverse reinforcement learning with switching rewards
and history dependency"); and 'anew', drawn each time by where it is, whatever it was: no memory.
Several hidden states may want the same goal.
Axis letters: E episodes · T steps · A actions · K hidden states · G goals · F features ·
P, Q columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.data import log_softmax
from shardsim.shards.history.forward_backward import Posterior, filtered, forward_backward
from shardsim.shards.history.logistic import TRIES, Choices
from shardsim.shards.history.sequences import Sequences

WHOLE, STATIONARY, STATE, ANEW = "whole episode", "stationary", "state", "anew"
RIDGE = 0.05  # of θ and φ, nats
MOVE_RIDGE = 0.3  # of the coefficients of change
FIRST_STAY = 2.0  # log odds of keeping a state, in a start and in the prior
FIRST_STRENGTH = 2.0  # logits a column, of a start's goal
STARTS = 3
TRIAL_ROUNDS, ROUNDS = 6, 40
TOLERANCE = 1e-4  # nats a decision by which a round must rise, for there to be another


class HiddenGoals(NamedTuple):
    """A fitted model."""

    change: str
    goals: np.ndarray  # θ, float64[G, P]
    goal_of: np.ndarray  # int64[K], the goal of each hidden state
    common: np.ndarray  # φ, float64[Q]
    begin: np.ndarray  # float64[K]
    moves: np.ndarray  # float64[K, K, F], coefficients of the next state, from each; 'anew': [1]

    @property
    def size(self) -> int:
        """K."""
        return len(self.goal_of)

    @property
    def wanting(self) -> np.ndarray:
        """Which hidden states want which goal, float64[K, G] of 0 and 1."""
        return np.eye(len(self.goals))[self.goal_of]


def choice_logs(model: HiddenGoals, given: Sequences) -> np.ndarray:
    """Return float64[E, T, K, A]: log-probability of every action in every hidden state."""
    goals = model.goals[model.goal_of]
    own = np.einsum("etap,kp->etka", given.own, goals, optimize=True)
    return log_softmax(own + (given.shared @ model.common)[:, :, None])


def change_of(model: HiddenGoals, given: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Return the chance of each state at first [E, K], and of going on [E, T-1, K, K]."""
    size, (episodes, steps) = model.size, given.action.shape
    begin = np.broadcast_to(model.begin, (episodes, size))
    shape = (episodes, steps - 1, size, size)
    if model.change == WHOLE or size == 1:
        return begin, np.broadcast_to(np.eye(size), shape)
    features = given.features[..., : model.moves.shape[-1]]
    logits = np.einsum("etf,ijf->etij", features, model.moves, optimize=True)
    chance = np.exp(log_softmax(logits))
    if model.change == ANEW:
        return chance[:, 0, 0], np.broadcast_to(chance[:, 1:], shape)
    return begin, chance[:, 1:]


def evidence(model: HiddenGoals, given: Sequences) -> np.ndarray:
    """Return float64[E, T]: log-probability of each choice given those before; 0 after the end."""
    return filtered(*change_of(model, given), _chosen(model, given))[3]


def _chosen(model: HiddenGoals, given: Sequences) -> np.ndarray:
    logs = choice_logs(model, given)
    picked = np.take_along_axis(logs, given.action[:, :, None, None], -1)[..., 0]
    return np.where(given.deciding[..., None], picked, 0.0)


def objective(model: HiddenGoals, given: Sequences) -> float:
    """Log-likelihood with the log priors, nats: what no round of EM lowers."""
    return float(evidence(model, given).sum()) - _prior(model)


def _prior(model: HiddenGoals) -> float:
    prior = 0.5 * RIDGE * ((model.goals**2).sum() + (model.common**2).sum())
    if model.change in (WHOLE,) or model.size == 1:
        return float(prior)
    return float(prior + 0.5 * MOVE_RIDGE * ((model.moves - _centre(model)) ** 2).sum())


def _centre(model: HiddenGoals) -> np.ndarray:
    centre = np.zeros_like(model.moves)
    if model.change != ANEW:
        centre[..., 0] = FIRST_STAY * np.eye(model.size)
    return centre


def improved(model: HiddenGoals, given: Sequences) -> tuple[HiddenGoals, float]:
    """One round of EM (a Newton step for each part), and the objective before it."""
    change, logs = change_of(model, given), _chosen(model, given)
    known = forward_backward(*change, logs)
    before = float(known.evidence.sum()) - _prior(model)
    goals, common = _better_choices(model, given, known)
    begin, moves = model.begin, model.moves
    if model.size > 1:
        if model.change != ANEW:
            begin = known.state[:, 0].mean(0)
        if model.change != WHOLE:
            moves = _better_moves(model, given, known)
    return model._replace(goals=goals, common=common, begin=begin, moves=moves), before


def _better_choices(model: HiddenGoals, given: Sequences, known: Posterior):
    """θ and φ after a safeguarded Newton step on the choices that are expected of each goal."""
    on = given.deciding
    own, shared, weight = given.own[on], given.shared[on], known.state[on] @ model.wanting
    picked = np.arange(len(weight)), given.action[on]
    slope, curve, now = _expected(model, own, shared, weight, picked)
    step = np.linalg.solve(curve, slope)
    for _ in range(TRIES):
        goals = model.goals + step[: model.goals.size].reshape(model.goals.shape)
        common = model.common + step[model.goals.size :]
        if _expected_value(goals, common, own, shared, weight, picked)[0] >= now:
            return goals, common
        step = 0.5 * step
    return model.goals, model.common


def _expected_value(goals, common, own, shared, weight, picked):
    """Expected log-probability of the choices with the prior, and log-probabilities [K, N, A]."""
    base = shared @ common
    logs = [log_softmax(own @ goal + base) for goal in goals]
    value = sum(float(w @ log[picked]) for w, log in zip(weight.T, logs, strict=True))
    return value - 0.5 * RIDGE * ((goals**2).sum() + (common**2).sum()), logs


def _expected(model: HiddenGoals, own, shared, weight, picked):
    """Slope [R] and information [R, R] in θ and φ together, and the value."""
    now, logs = _expected_value(model.goals, model.common, own, shared, weight, picked)
    width, count = own.shape[2], model.goals.size
    flat = np.concatenate([own, shared], -1).reshape(-1, width + shared.shape[2])
    slope = -RIDGE * np.r_[model.goals.ravel(), model.common]
    curve = (RIDGE + 1e-9) * np.eye(len(slope))
    for goal, log in enumerate(logs):
        chance, heavy = np.exp(log), weight[:, goal, None]
        rest = -heavy * chance
        rest[picked] += heavy[:, 0]
        rooted = flat * np.sqrt(heavy * chance).reshape(-1, 1)
        mean = (flat * chance.reshape(-1, 1)).reshape(*chance.shape, -1).sum(1) * np.sqrt(heavy)
        part = np.r_[goal * width : (goal + 1) * width, count : len(slope)]
        slope[part] += rest.ravel() @ flat
        curve[np.ix_(part, part)] += rooted.T @ rooted - mean.T @ mean
    return slope, curve, now


def _better_moves(model: HiddenGoals, given: Sequences, known: Posterior) -> np.ndarray:
    """Coefficients of change after a Newton step for every state that it starts from."""
    size, width = model.size, model.moves.shape[-1]
    anew = model.change == ANEW
    on = given.deciding if anew else given.deciding[:, 1:]
    features = (given.features if anew else given.features[:, 1:])[on][:, :width]
    design = np.einsum("nf,jk->njkf", features, np.eye(size)).reshape(len(features), size, -1)
    counts = known.state[on][:, None] if anew else known.pair[on]
    moves, centre = np.empty_like(model.moves), _centre(model)
    for origin in range(len(moves)):
        found = Choices(design, counts[:, origin], MOVE_RIDGE, centre[origin].ravel())
        moves[origin] = found.better(model.moves[origin].ravel()).reshape(size, width)
    return moves


def held(model: HiddenGoals, given: Sequences) -> np.ndarray:
    """Return float64[G]: the part of the decisions in which each goal is held, as expected."""
    known = forward_backward(*change_of(model, given), _chosen(model, given))
    return known.state[given.deciding].mean(0) @ model.wanting


def tied(model: HiddenGoals, one: int, other: int, weight: np.ndarray) -> HiddenGoals:
    """Let the states of two goals want the same: the mean, weighed by how often each is held."""
    goals = model.goals.copy()
    goals[one] = np.average(goals[[one, other]], 0, weights=weight[[one, other]] + 1e-9)
    kept = np.delete(np.arange(len(goals)), other)
    new = np.searchsorted(
        kept, np.where(np.arange(len(goals)) == other, one, np.arange(len(goals)))
    )
    return model._replace(goals=goals[kept], goal_of=new[model.goal_of])


def climb(model: HiddenGoals, given: Sequences, rounds: int) -> tuple[HiddenGoals, float]:
    """Go on by EM until nothing is gained; returns the model and its objective."""
    least, last = TOLERANCE * given.deciding.sum(), -np.inf
    for _ in range(rounds):
        new, now = improved(model, given)
        if now - last < least:
            return model, now
        model, last = new, now
    return model, objective(model, given)


def fit(given: Sequences, size: int, change: str, *, seed: int = 0) -> HiddenGoals:
    """Fit K hidden states from several starts and keep the likeliest.

    Args:
      given: episodes.
      size: K.
      change: 'whole episode', 'stationary', 'state' or 'anew'.
      seed: of the starts.
    """
    rng = np.random.default_rng(seed)
    one = climb(_start(given, 1, change, rng, None), given, ROUNDS)[0]
    if size == 1:
        return one
    starts = [_start(given, size, change, rng, one) for _ in range(STARTS)]
    tried = [climb(start, given, TRIAL_ROUNDS) for start in starts]
    return climb(max(tried, key=lambda pair: pair[1])[0], given, ROUNDS)[0]


def _start(given: Sequences, size: int, change: str, rng, one: HiddenGoals | None) -> HiddenGoals:
    """A start: each state for columns of its own, beside what one state for all would want."""
    width, shared = given.own.shape[-1], given.shared.shape[-1]
    features = {STATE: given.features.shape[-1], ANEW: given.features.shape[-1] - 1}.get(change, 1)
    moves = np.zeros((1 if change == ANEW else size, size, features))
    if change != ANEW:
        moves[..., 0] = FIRST_STAY * np.eye(size)
    goals, common = np.zeros((size, width)), np.zeros(shared)
    if one is not None:
        order = np.resize(rng.permutation(width), size)
        lean = rng.normal(scale=0.3, size=(size, width))
        scale = max(float(np.abs(one.goals).max()), 0.5)
        goals = 0.5 * one.goals + min(scale, FIRST_STRENGTH) * (np.eye(width)[order] + lean)
        common = one.common
    return HiddenGoals(change, goals, np.arange(size), common, np.full(size, 1 / size), moves)
