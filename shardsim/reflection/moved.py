"""An object moved away from where agents reflect: until what distance does its shard survive?

Axis letters: N contexts · C cells of the grid · U distances · B contexts at each · D agents ·
R rules · K shards.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.base.progress import SILENT, Progress
from shardsim.env.core import Env
from shardsim.env.edits import can_place
from shardsim.env.levels import take
from shardsim.env.types import Level, State
from shardsim.reflection.config import REPLICATOR, ReflectConfig, leading, sham_of
from shardsim.reflection.reflect import Reflected, reflect_agents
from shardsim.reflection.shard_returns import ranges_of
from shardsim.reflection.site import Site, Subjects, site_of
from shardsim.shards.contexts.battery import Battery, gathered
from shardsim.shards.contexts.sampling import survey


class Moved(NamedTuple):
    """What came of reflection with one object at several distances; float64."""

    concept: str  # the object that is moved
    other: str  # the goal that stays
    distances: np.ndarray  # [U], moves from the agent
    contexts: np.ndarray  # int[U], in which the object has a free cell at the distance
    judges: np.ndarray  # [D, U], share of the judges that want the object rather than the other
    before: np.ndarray  # [D, U], P(object first) of P(either first)
    after: dict[str, np.ndarray]  # model -> [D, U], the same after reflection
    hardness: np.ndarray  # [D, U], h = exp(b J) − 1 of the best plan of a shard, by their shares


def reflect_as_it_moves(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    concept: str = "",
    farthest: int = 7,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Moved:
    """Reflect near an object, and with it ever farther off in those contexts that have room for it.

    The contexts are those of the onset near the object. In each the object is put on a free cell
    at every exact distance, drawn by chance among those that there are; nothing else changes.
    A context without such a cell does not count there: far distances rest on fewer contexts.

    Args:
        subjects: who reflects, D of them.
        config: all settings; of its models the first that is no control, its sham, and the
            replicator are tried.
        concept: the object, one of the two goals; by default the one that is.
        farthest: moves up to which it is moved away.
        seed: of cells, levels and plans.

    Raises:
        UserError: no goal is an object, `concept` is none of them, or it cannot be moved that far
            in any context.
    """
    if not subjects.shards.num_shards:
        raise UserError("no shard was found in this run, so nobody judges plans")
    site, _ = site_of(subjects, config, onset=None, seed=seed)
    goal = _goal(site, subjects.env, concept)
    battery, each = moved_away(site, goal, farthest, seed)
    rule = leading(config.models)
    models = [one for one in (rule, sham_of(rule), REPLICATOR) if one is not None]
    config = config.model_copy(update={"models": tuple(models), "goals": site.goal_names})
    done = reflect_agents(
        subjects, config, models, onset=battery, apart=each, seed=seed, progress=progress
    )
    return _told(done, site, goal, battery, config)


def _goal(site: Site, env: Env, concept: str) -> int:
    """Return which of the two goals is moved."""
    objects = [n for n, goal in enumerate(site.goals) if env.concepts[goal].kind == "object"]
    names = [site.goal_names[n] for n in objects]
    if not names or (concept and concept not in names):
        can = f"give one of {', '.join(names)}" if names else "none of the two goals is an object"
        what = concept or " and ".join(site.goal_names)
        raise UserError(f"{what} cannot be moved away in {env.name}; {can}")
    return objects[names.index(concept)] if concept else objects[0]


def moved_away(site: Site, goal: int, farthest: int, seed: int) -> tuple[Battery, int]:
    """Return the contexts with the object at distance 1, 2, …, and how many there are at each.

    Contexts in which no free cell has a distance have weight 0 there.

    Raises:
        UserError: there is no distance but one at which the object can stand.
    """
    env = site.ground.env
    number = env.concept_index(site.goal_names[goal])
    levels, states = _near(site, goal)
    count, rng = len(states), np.random.default_rng(seed)
    moved, index, free = _everywhere(env, number, levels, states)
    found = survey(env, moved)
    rows = np.arange(len(index))
    away = np.asarray(found.distance)[rows, index, number].reshape(count, -1)
    picked, weight = [], []
    for distance in range(1, farthest + 1):
        there = free & (away == distance)
        if not there.any():
            continue
        order = np.where(there, rng.random(there.shape), -1.0).argmax(1)
        picked.append(np.arange(count) * free.shape[1] + order)
        weight.append(there.any(1))
    if len(picked) < 2:
        raise UserError(
            f"{site.goal_names[goal]} has no free cells within {farthest} moves of these contexts; "
            "look farther, or at a larger world"
        )
    rows = np.concatenate(picked)
    about = {"kind": "uniform", "split": "target", "seed": seed}
    chosen = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[rows]), moved)
    places = np.arange(len(rows)), index[rows]
    weights = np.concatenate(weight).astype(np.float64)
    return gathered(env, chosen, take(found, rows), places, weights, about), count


def _near(site: Site, goal: int) -> tuple[Level, np.ndarray]:
    """Return levels [N] and numbers of states int[N] of the contexts near a goal."""
    onset = site.classes.index(f"near-{site.goal_names[goal]}")
    choice = site.choice
    known = choice.weight[0, onset] > 0
    level, row = choice.level[0, onset][known], choice.state[0, onset][known]
    return take(site.ground.levels, level), site.ground.states[level, row]


def _everywhere(
    env: Env, concept: int, levels: Level, states: np.ndarray
) -> tuple[Level, np.ndarray, np.ndarray]:
    """Put the object on every cell: levels [N C], numbers of states int[N C], bool[N, C] free."""
    moved, index, free = _put(env, concept, jax.device_put(levels), jnp.asarray(states))
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), moved)
    return flat, np.asarray(index).reshape(-1), np.asarray(free)


@partial(jax.jit, static_argnums=(0, 1))
def _put(env: Env, concept: int, levels: Level, states: jax.Array):
    """Return the same with N and C apart."""
    cells = jnp.stack(
        jnp.meshgrid(jnp.arange(env.height), jnp.arange(env.width), indexing="ij"), -1
    ).reshape(-1, 2)

    def one(level: Level, number: jax.Array):
        state: State = env.state_at(level, number)
        free = can_place(env, state, env.concept_names[concept]).reshape(-1)
        put = jax.vmap(lambda cell: env.place(state, concept, 0, cell.astype(jnp.int32)))(cells)
        return put.level, jax.vmap(env.index_of)(put), free

    return jax.vmap(one)(levels, states)


def _told(done: Reflected, site: Site, goal: int, battery: Battery, config: ReflectConfig) -> Moved:
    setting, trace, forecasts = done.setting, done.trace, done.forecasts
    assert trace is not None and forecasts is not None
    this, other = site.goals[goal], site.goals[1 - goal]
    wants = setting.preferences[:, this] > setting.preferences[:, other]
    path = np.asarray(trace.measured.hits, np.float64)  # [D, U, R, T + 1, G + 1]
    after = {name: path[:, :, n, -1] for n, name in enumerate(config.models[:-1])}
    after[REPLICATOR] = forecasts.hits[:, :, -1]
    best = ranges_of(setting, config.discount).high
    number = battery.env.concept_index(site.goal_names[goal])
    weight = setting.weight[0]
    away = battery.distance[:, number].reshape(weight.shape)
    return Moved(
        concept=site.goal_names[goal],
        other=site.goal_names[1 - goal],
        distances=mean_distance(away, weight),
        contexts=(weight > 0).sum(1),
        judges=setting.judging @ wants,
        before=_part(path[:, :, 0, 0], goal),
        after={name: _part(hit, goal) for name, hit in after.items()},
        hardness=np.expm1(config.strength * (setting.judging * best).sum(-1)),
    )


def mean_distance(away: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the mean distance float[U] of the contexts that count, from float[U, B] each.

    An object without a free cell at a distance stands somewhere at weight 0, maybe out of reach.
    """
    return (np.where(weight > 0, away, 0.0) * weight).sum(1) / weight.sum(1)


def _part(hit: np.ndarray, goal: int) -> np.ndarray:
    """Return P(goal first) of P(either first), float64[D, U] of float64[D, U, G + 1]."""
    either = hit[..., :2].sum(-1)
    return np.divide(hit[..., goal], either, out=np.full_like(either, np.nan), where=either > 0)
