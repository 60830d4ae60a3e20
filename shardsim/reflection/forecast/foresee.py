"""The forecast of every onset of every agent, from who judges there and what plans the agent has.

Nothing here has seen a weight move. Each rule is foreseen twice: in closed form, with no number
that was fitted to anything, and at the rate at which networks were seen to follow it.
Axis letters: D agents · U onsets · B contexts · N = D U B · S states · A actions · K shards ·
G goals · T steps · P kinds of plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from shardsim.reflection import values
from shardsim.reflection.config import REPLICATOR, ReflectConfig, Rule
from shardsim.reflection.constancy import relative_change
from shardsim.reflection.forecast.options import menu, predicted
from shardsim.reflection.forecast.plans import Moves, Plans, moves_of, plans_of, taught
from shardsim.reflection.forecast.table import FORESEEN, STILL, at_step, chance_alone, path_of
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import Ranges
from shardsim.reflection.world import World, flattened

CLOSED, FITTED = "closed form", "fitted"
CONFIDENCE = 0.9
# The scale of errors: chance, part of the drift, and what is there always.
DRIFT = 0.25
LEAST = 0.005
# How many such scales hold 90 % of the errors in the agents of `FITTED_ON`; the replicator's are of
# what it says of turns.
REACH = {"turns": 0.7, "summed": 1.35, "distillation": 1.4, "sham": 1.4, REPLICATOR: 2.2}
FITTED_ON = (
    "agents of the demo's config, corner-trained, seeds 100 to 105, 9 onsets each: errors over "
    "agents and onsets, those of the judges included"
)
FITTED_AT = 3e-4 * 4  # learning rate times gradients, at which `forecast_rate` was fitted


class Foreseen(NamedTuple):
    """One forecast of one model."""

    after: np.ndarray  # float64[D, U, G + 1], which goal is reached first; the last is neither
    low: np.ndarray  # float64[D, U, G + 1]; NaN where no interval is given
    high: np.ndarray  # float64[D, U, G + 1]
    value_change: np.ndarray  # float64[D, U, K], of each shard at the onset, over its range; or NaN


class Forecast(NamedTuple):
    """All that is foreseen."""

    onsets: tuple[str, ...]  # U
    goals: tuple[str, ...]  # the two concepts that plans end at
    there: np.ndarray  # bool[D, U], the agent has contexts of that kind
    before: np.ndarray  # float64[D, U, G + 1]
    models: dict[tuple[str, str], Foreseen]  # (model, how it is foreseen)
    paths: dict[str, np.ndarray]  # rule -> float64[D, U, T + 1], the first goal, in closed form
    options: dict[str, np.ndarray]  # model on the shard distribution -> float64[D, U, G + 1]


class _Contexts(NamedTuple):
    """The contexts of all onsets."""

    setting: Setting
    config: ReflectConfig
    moves: Moves  # [N], before a goal is reached
    plans: Plans  # [N]
    judges: np.ndarray  # float64[N, K]
    before: np.ndarray  # float64[D, U, G + 1]
    old: np.ndarray  # float64[D, U, K], values
    ranges: Ranges

    def average(self, found: np.ndarray) -> np.ndarray:
        """Return float64[D, U, ...] of float64[N, ...]."""
        shaped = found.reshape(*self.setting.weight.shape, *found.shape[1:])
        return np.einsum("dub,dub...->du...", self.setting.worlds.weight, shaped)

    def spread(self, deviation: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the average of contexts that wander by themselves."""
        shaped = deviation.reshape(*self.setting.weight.shape, -1)
        weight = np.asarray(self.setting.worlds.weight, np.float64)
        return np.sqrt(np.einsum("dub,dubg->dug", weight**2, shaped**2))


def rate_of(config: ReflectConfig) -> float:
    """Return how much of a step of the closed form one step of a network is taken for."""
    return min(1.0, config.forecast_rate * config.learning_rate * config.gradients / FITTED_AT)


def foresee(
    setting: Setting,
    ranges: Ranges,
    replicated: np.ndarray,
    config: ReflectConfig,
    rules: Sequence[Rule],
    seed: int,
) -> Forecast:
    """Say what reflection will come to.

    Args:
        setting: the onsets, before any weight moves.
        ranges: of the shards' values.
        replicated: float64[D, U, T + 1, G + 1], the replicator's path from there.
        config: all settings; `forecast_rate` is a fitted number.
        rules: that will be tried in the weights; those that have no closed form are passed over.
        seed: of the replicas that say how far chance goes.
    """
    here = _contexts(setting, ranges, replicated, config)
    models, paths, wander = {}, {}, np.zeros_like(here.before)
    asked: list[Rule] = [rule for rule in FORESEEN if rule in rules]
    for rule in asked:
        path = path_of(here.plans, rule, here.judges, config)
        paths[rule] = np.stack([here.average(step @ here.plans.goal[:, 0]) for step in path], -1)
        wander = here.spread(chance_alone(here.plans, rule, here.judges, config, seed))
        for kind, rate in ((CLOSED, 1.0), (FITTED, rate_of(config))):
            end = at_step(path, rate * config.steps)
            models[rule, kind] = _foreseen(here, rule, kind, end, wander)
    after = replicated[:, :, -1]
    reach = _reach(REPLICATOR, after - here.before, wander)
    nothing = np.full((*setting.weight.shape[:2], len(setting.preferences)), np.nan)
    models[REPLICATOR, CLOSED] = Foreseen(after, *_ends(after, reach), nothing)
    return Forecast(
        onsets=setting.names,
        goals=setting.goal_names,
        there=np.any(setting.weight > 0, axis=-1),
        before=here.before,
        models=models,
        paths=paths,
        options=_options(here),
    )


def _contexts(
    setting: Setting, ranges: Ranges, replicated: np.ndarray, config: ReflectConfig
) -> _Contexts:
    rows = setting.before_goals[..., None]
    policy = flattened(np.take_along_axis(setting.policy, rows, axis=3), 3)
    world = World(*map(np.asarray, flattened(setting.onset.world, 3)))
    moves = moves_of(world, policy, setting.goals, config.plan_moves)
    made = _Contexts(
        setting=setting,
        config=config,
        moves=moves,
        plans=plans_of(moves, setting.preferences, config.discount),
        judges=flattened(setting.judges, 3),
        before=replicated[:, :, 0],
        old=np.zeros(0),
        ranges=ranges,
    )
    return made._replace(old=_values(made, np.asarray(setting.policy, np.float64)))


def _foreseen(
    here: _Contexts, rule: str, kind: str, end: np.ndarray, wander: np.ndarray
) -> Foreseen:
    """Return what is so if plans have the chances float64[N, P] at the end."""
    drift = here.average((end - here.plans.chance) @ here.plans.goal)
    after = np.clip(here.before + drift, 0.0, 1.0)
    if kind == CLOSED:
        reach = float(norm.ppf(0.5 + CONFIDENCE / 2)) * wander
    else:
        reach = _reach(rule, drift, wander)
    change = np.zeros_like(here.old) if rule in STILL else _value_change(here, end)
    return Foreseen(after, *_ends(after, reach), change)


def _reach(model: str, drift: np.ndarray, wander: np.ndarray) -> np.ndarray:
    """Return how far the interval reaches to either side, by errors seen in other agents."""
    return REACH[model] * (wander + DRIFT * np.abs(drift) + LEAST)


def _ends(after: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.clip(after - reach, 0.0, 1.0), np.clip(after + reach, 0.0, 1.0)


def _value_change(here: _Contexts, end: np.ndarray) -> np.ndarray:
    """Return float64[D, U, K]: ΔJ over its range under the policy that has learnt these plans."""
    setting, chance = here.setting, here.plans.chance
    weight = np.divide(end, chance, out=np.ones_like(end), where=chance > 0)
    learnt = taught(here.moves, weight)
    policy = np.array(setting.policy, np.float64)
    rows = np.broadcast_to(
        setting.before_goals[..., None], (*setting.before_goals.shape, policy.shape[-1])
    )
    np.put_along_axis(policy, rows, learnt.reshape(rows.shape), axis=3)
    return relative_change(here.old, _values(here, policy), *here.ranges)


def _values(here: _Contexts, policy: np.ndarray) -> np.ndarray:
    """Return J float64[D, U, K] of policies float64[D, U, B, S, A]."""
    setting = here.setting
    world, rows = flattened(setting.worlds, 3), flattened(policy, 3)
    found = values.shard_values(world, rows, setting.preferences, here.config.discount)
    return here.average(found)


def _options(here: _Contexts) -> dict[str, np.ndarray]:
    """Return what each model on the shard distribution turns the agents into."""
    setting, names = here.setting, here.config.forecast_options
    count, shape = setting.weight.shape[2], setting.weight.shape[:2]
    found: dict[str, list[np.ndarray]] = {}
    for number, place in enumerate(np.ndindex(*shape)):
        rows = slice(number * count, (number + 1) * count)
        plans = here.plans._replace(chance=here.plans.chance[rows])
        weight = np.asarray(setting.worlds.weight, np.float64)[place]
        if not weight.any():
            weight = np.full(count, 1.0 / count)  # left out later: there is no such context
        posed = menu(plans, here.judges[rows], weight)
        for name, reached in predicted(*posed, names).items():
            found.setdefault(name, []).append(reached)
    return {name: np.stack(rows).reshape(*shape, -1) for name, rows in found.items()}
