"""Where a rule leads a table that imitates its own plans: the closed form, and how far chance goes.

p' = Σ_k q_k p u_k / E u_k (turns) or p' ∝ p exp(b Σ_k q_k J_k) (summed), step by step over the
kinds of plans of each context (`shardsim.reflection.tabular`). A network moves less far in a step,
so the fitted forecast counts a step as a part of one.
Axis letters: N contexts · P kinds of plans · K shards · G goals · T steps · R replicas.
"""

from __future__ import annotations

import numpy as np

from shardsim.reflection.config import ReflectConfig, Rule
from shardsim.reflection.forecast.plans import Plans
from shardsim.reflection.tabular import imitate

SELECTS: tuple[Rule, ...] = ("turns", "summed")
STILL: tuple[Rule, ...] = ("distillation", "sham")  # which choose nothing, so that nothing is due
FORESEEN: tuple[Rule, ...] = (*SELECTS, *STILL)
REPLICAS = 64


def path_of(plans: Plans, rule: Rule, judges: np.ndarray, config: ReflectConfig) -> np.ndarray:
    """Return float64[T + 1, N, P]: the chances of plans after each step, from judges [N, K]."""
    if rule in STILL:
        return np.broadcast_to(plans.chance, (config.steps + 1, *plans.chance.shape))
    returns = np.broadcast_to(plans.returns, (len(plans.chance), *plans.returns.shape))
    dials = {"strength": config.strength, "anchor": config.anchor, "steps": config.steps}
    return imitate(rule, plans.chance, returns, judges, **dials)


def at_step(path: np.ndarray, step: float) -> np.ndarray:
    """Return what a path [T + 1, ...] says at a step between two whole ones, linearly."""
    low = min(int(step), len(path) - 1)
    part = step - low
    return (1.0 - part) * path[low] + part * path[min(low + 1, len(path) - 1)]


def chance_alone(
    plans: Plans,
    rule: Rule,
    judges: np.ndarray,
    config: ReflectConfig,
    seed: int = 0,
) -> np.ndarray:
    """Return float64[N, G + 1]: standard deviations of what is reached first, after all steps.

    As many plans are drawn at each step as reflection draws, so that shares wander even where
    nothing is selected (Wright 1931, "Evolution in Mendelian populations"). Plans that end at the
    same goal are judged alike here, by their mean endorsement.

    Args:
        plans: of the contexts.
        rule: see `FORESEEN`.
        judges: float[N, K].
        config: plans, steps, strength.
        seed: of the replicas.
    """
    rng = np.random.default_rng(seed)
    share = plans.chance @ plans.goal
    good = _liking(plans, rule, judges, config.strength)
    now = np.broadcast_to(share, (REPLICAS, *share.shape))
    for _ in range(config.steps):
        drawn = rng.multinomial(config.plans, now / now.sum(-1, keepdims=True)) / config.plans
        liked = drawn[..., None] * good[1]
        picked = liked / np.maximum(liked.sum(-2, keepdims=True), np.finfo(float).tiny)
        now = np.einsum("rngk,nk->rng", picked, good[0])
    return now.std(0)


def _liking(
    plans: Plans, rule: Rule, judges: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return who picks, float64[N, J], and how much each likes what is reached, [N, G + 1, J]."""
    count, outcomes = len(judges), plans.goal.shape[1]
    if rule in STILL:
        return np.ones((count, 1)), np.ones((count, outcomes, 1))
    if rule == "summed":
        picks, returns = np.ones((count, 1)), (plans.returns @ judges.T).T[..., None]
    else:
        picks, returns = judges, plans.returns[None]
    of_goal = plans.chance[:, :, None] * plans.goal  # [N, P, G + 1]
    total = np.maximum(of_goal.sum(1), np.finfo(float).tiny)
    liked = np.exp(strength * np.broadcast_to(returns, (count, *returns.shape[1:])))
    return picks, np.einsum("npg,npj->ngj", of_goal, liked) / total[..., None]
