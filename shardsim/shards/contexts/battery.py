"""Batteries: frozen, seeded sets of contexts on which policies are compared and identified.

Axis letters: C contexts · O concepts · A actions · H, W rows, columns of an observation ·
L levels · S states.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base import content
from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.given import path_of
from shardsim.base.scalars import Whole, whole
from shardsim.base.seeds import checked_seed
from shardsim.env.core import Env
from shardsim.env.levels import all_states, sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import Level, Split, State
from shardsim.shards.contexts import battery_file, sampling
from shardsim.shards.contexts.battery_file import ALIGNED
from shardsim.shards.contexts.policies import respond
from shardsim.shards.contexts.sampling import Survey
from shardsim.shards.contexts.tabular_model import TabularModel

Kind = Literal["uniform", "on-policy", "off-distribution"]
CONTEXTS_A_LEVEL = 12
MOST_STATES = 1_000_000  # of all levels together: what a survey may hold in memory
ATTEMPTS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Battery:
    """A frozen set of contexts. All arrays are aligned on C."""

    __no_type_check__ = True  # the states are a pytree that may hold jax or numpy arrays

    env: Env
    states: State  # batched, [C]
    observations: np.ndarray  # float32[C, H, W, planes]
    covariates: dict[str, np.ndarray]  # name -> float32[C]
    distance: np.ndarray  # float32[C, O], moves, inf where unreachable
    advantages: np.ndarray  # float32[C, A, O], moves lost against the best action
    blocked: np.ndarray  # bool[C, A], actions that change nothing
    reachable: np.ndarray  # bool[C, O]
    level_index: np.ndarray  # int32[C]
    weight: np.ndarray  # float32[C], mean 1: back from the strata to what the battery stands for
    kind: str
    split: str
    seed: int

    @property
    def size(self) -> int:
        """Number of contexts, C."""
        return len(self.weight)

    @property
    def concepts(self) -> tuple[str, ...]:
        """Names on the axis O."""
        return self.env.concept_names

    def take(self, index: Any) -> Battery:
        """Return the contexts that `index` (numbers or a mask) picks; weights keep mean 1."""
        index = np.flatnonzero(index) if np.asarray(index).dtype == bool else np.asarray(index)
        picked = {name: getattr(self, name)[index] for name in ALIGNED}
        picked["weight"] = picked["weight"] / max(float(picked["weight"].mean()), 1e-30)
        return dataclasses.replace(
            self,
            states=take(self.states, index),
            covariates={name: value[index] for name, value in self.covariates.items()},
            **{name: np.asarray(value, ALIGNED[name]) for name, value in picked.items()},
        )

    def state_numbers(self) -> np.ndarray:
        """Return int64[C]: the number of each context among the states of its level."""
        number = np.zeros(self.size, np.int64)
        for name, size in self.env.state_fields.items():
            number = number * size + np.asarray(self.states.fields[name], np.int64)
        return number

    @cached_property
    def tabular_model(self) -> tuple[np.ndarray, TabularModel]:
        """int64[C, 2], the level and state of each context, and the levels themselves."""
        _, first, level = np.unique(self.level_index, return_index=True, return_inverse=True)
        home = np.stack([level, self.state_numbers()], 1)
        return home, TabularModel(self.env, take(self.states.level, first), home)

    def save(self, path: str | Path) -> None:
        """Write the battery to a safetensors file; `load_battery` reads it."""
        path = path_of(path)
        try:
            path.write_bytes(self.to_bytes())
        except OSError as error:
            raise UserError(f"cannot write {path}: {one_line(error)}; give another") from error

    def to_bytes(self) -> bytes:
        """Return what `save` writes; `battery_from_bytes` reads it where the env is known."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return battery_file.write(**fields)


@content.blaming_files()
def battery(
    env: Env,
    size: Whole,
    *,
    kind: str = "uniform",
    split: Split = "target",
    policy: Callable[..., Any] | None = None,
    seed: Whole = 0,
) -> Battery:
    """Draw a battery of decision contexts, stratified by distance to each concept and by conflict.

    A decision context is a state that can be reached before an episode ends. Strata are drawn
    equally, since a plain sample holds too little evidence near concepts and in conflict; `weight`
    leads back to the distribution that the battery stands for (Horvitz & Thompson 1952, "A
    generalization of sampling without replacement from a finite universe").

    Args:
      env: the world.
      size: number of contexts, C.
      kind: "uniform" stands for all decision states of a level equally; "on-policy" for the
        decisions that `policy` comes to; "off-distribution" for levels whose objects lie anywhere
        or are missing.
      split: "train", "held-out" or "target" levels.
      policy: as `identify` takes it; needed for "on-policy" and for nothing else.
      seed: of levels and contexts.

    Raises:
      UserError: unknown kind or split, a size that is no whole number of at least 1, a missing
        policy, or an env that has too few decision states.
    """
    size, seed = whole("size", size, 1), checked_seed(seed)
    _check(kind, policy)
    count = max(2, -(-size // CONTEXTS_A_LEVEL))
    count = max(2, min(count, MOST_STATES // env.num_states))
    for _ in range(ATTEMPTS):
        levels = _levels(env, count, kind, split, seed)
        found = sampling.survey(env, levels)
        chance = _distribution(env, levels, found, kind, policy)
        if np.count_nonzero(chance) >= size:
            return _drawn(env, levels, found, chance, size, kind, split, seed)
        count *= 2
    raise UserError(
        f"{count // 2} levels of {env.name} hold fewer than {size} decision states; "
        "ask for a smaller battery"
    )


def _check(kind: str, policy: object) -> None:
    if kind not in get_args(Kind):
        raise UserError(f"there is no battery kind {kind!r}; {did_you_mean(kind, get_args(Kind))}")
    if (kind == "on-policy") != (policy is not None):
        verb = "needs" if policy is None else "takes no"
        raise UserError(
            f"a battery of kind {kind!r} {verb} policy; give one for kind='on-policy' only"
        )


def _levels(env: Env, count: int, kind: str, split: Split, seed: int) -> Level:
    level_key, object_key = jax.random.split(jax.random.key(seed))
    levels = sample_levels(env, level_key, count, split)
    if kind == "off-distribution":
        levels = sampling.scatter_objects(env, object_key, levels)
    return levels


def _distribution(
    env: Env, levels: Level, found: Survey, kind: str, policy: Callable[..., Any] | None
) -> np.ndarray:
    """Return float64[L, S], sum 1: what the battery stands for; levels count equally."""
    decision = np.asarray(found.decision)
    chance = decision.astype(np.float64)
    if kind == "on-policy" and policy is not None:
        table = policy_on_levels(env, policy, levels)
        chance = np.asarray(sampling.visits(env, levels, table), np.float64) * decision
    chance /= np.maximum(chance.sum(1, keepdims=True), 1e-300)
    return chance / chance.sum()


def policy_on_levels(env: Env, policy: Callable[..., Any], levels: Level) -> jax.Array:
    """Return float32[L, S, A]: action probabilities in every state of levels [L]."""
    states = all_states(env, levels)
    logits = respond(policy, env, states).logits
    table = jax.nn.softmax(jnp.asarray(logits))
    return table.reshape(levels.walls.shape[0], env.num_states, -1)


@partial(jax.jit, static_argnums=0)
def states_of(env: Env, levels: Level, level: jax.Array, index: jax.Array) -> State:
    """Return the batched states [C] with numbers `index` int32[C] in levels `level` int32[C]."""
    return jax.vmap(env.state_at)(take(levels, level), index)


@partial(jax.jit, static_argnums=0)
def observations_of(env: Env, states: State) -> jax.Array:
    """Return float32[C, H, W, planes] of batched states [C]."""
    return jax.vmap(env.observe)(states)


def _drawn(env, levels, found: Survey, chance, size, kind, split, seed) -> Battery:
    """Draw contexts from the survey and gather all that a battery holds."""
    level, state = np.nonzero(chance)
    picked = {
        name: np.asarray(getattr(found, name))[level, state]
        for name in ("distance", "advantage", "reachable")
    }
    density = sampling.sampling_density(
        chance[level, state],
        sampling.strata(picked["distance"], picked["advantage"], picked["reachable"]),
    )
    included = sampling.inclusion(density, size)
    rows = sampling.draw(included, seed)
    weight = chance[level, state][rows] / included[rows]
    about = {"kind": kind, "split": split, "seed": seed}
    return gathered(env, levels, found, (level[rows], state[rows]), weight / weight.mean(), about)


def gathered(
    env: Env,
    levels: Level,
    found: Survey,
    where: tuple[np.ndarray, np.ndarray],
    weight: np.ndarray,
    about: dict[str, Any],
) -> Battery:
    """Return all that a battery holds of some contexts of surveyed levels.

    Args:
      env: the world.
      levels: [L].
      found: their survey.
      where: int[C] twice, the level and the number of the state of each context.
      weight: float[C].
      about: kind, split and seed.
    """
    level, state = (np.asarray(part, np.int32) for part in where)
    states = states_of(env, levels, jnp.asarray(level), jnp.asarray(state))
    return Battery(
        env=env,
        states=states,
        observations=np.asarray(observations_of(env, states)),
        covariates={n: np.asarray(v)[level, state] for n, v in found.covariates.items()},
        distance=np.asarray(found.distance)[level, state],
        advantages=np.asarray(found.advantage)[level, state],
        blocked=np.asarray(found.blocked)[level, state],
        reachable=np.asarray(found.reachable)[level, state],
        level_index=level,
        weight=np.asarray(weight, np.float32),
        **about,
    )


def load_battery(path: str | Path, *, folders: Sequence[str | Path] = ()) -> Battery:
    """Read what `Battery.save` wrote.

    Args:
      path: the file.
      folders: user folders in which the battery's env may be; they are executed.

    Raises:
      UserError: no such file, damaged bytes, or an env that cannot be made.
    """
    try:
        data = path_of(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the battery {path}: {one_line(error)}") from error
    about = battery_file.header(data, str(path))
    env = make(about["env"], folders=folders, **about["params"])
    return battery_from_bytes(env, data, f"the battery {path}")


def battery_from_bytes(env: Env, data: bytes, source: str) -> Battery:
    """Read a battery of an env from what `Battery.to_bytes` gave.

    Raises:
      UserError: damaged bytes, or a battery of another env; the message names `source`.
    """
    return Battery(env=env, **battery_file.read(env, data, source))
