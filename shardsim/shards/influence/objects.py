"""What objects do to decisions, by intervention: logits over subsets of the objects that are there.

L(T) are the logits, centred over actions, of a context in which only the objects T are left. They
divide exactly, without a fit, into a base L(∅), a main effect L({o}) − L(∅) of each object, and
interactions: the Möbius inverse of L over subsets (Harsanyi 1963, "A simplified bargaining model
for the n-person cooperative game"; for effects of inputs, Grabisch & Roubens 1999, "An axiomatic
approach to the concept of interaction among players in cooperative games"). Places cannot be
removed: they lie in the base.

Axis letters: K policies (any leading axes) · C contexts · A actions · O concepts · N objects ·
P pairs of objects.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.types import State
from shardsim.shards.contexts import sampling
from shardsim.shards.contexts.battery import Battery, gathered, observations_of
from shardsim.shards.influence.influence import Logits

MOST_PAIRED = 8  # objects; the pairs of more are left in the remainder, unasked


class ObjectEffects(NamedTuple):
    """How the logits of policies divide; all parts sum to `logits`. In logits, centred over A."""

    objects: tuple[int, ...]  # N, concept indices
    pairs: tuple[tuple[int, int], ...]  # P, positions among the objects
    present: np.ndarray  # bool[C, N], whether the object was there
    logits: np.ndarray  # float64[..., C, A]
    base: np.ndarray  # float64[..., C, A], no object there
    main: np.ndarray  # float64[..., C, A, N], 0 where the object was not there
    paired: np.ndarray  # float64[..., C, A, P], what two do beside each alone
    higher: np.ndarray  # float64[..., C, A], what three or more do beside all pairs

    @property
    def interactions(self) -> np.ndarray:
        """float64[..., C, A]: what objects do beside each alone."""
        return self.paired.sum(-1) + self.higher

    @property
    def of_objects(self) -> np.ndarray:
        """float64[..., C, A]: all that objects do, main effects and interactions."""
        return self.logits - self.base


def object_numbers(env: Env) -> tuple[int, ...]:
    """Return the indices of the concepts that are objects."""
    return tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "object")


def object_effects(logits: Logits, battery: Battery) -> ObjectEffects:
    """Divide the logits of policies among base, objects and interactions.

    Args:
      logits: of the policies, asked once for each subset: none, all, each object, each pair.
      battery: the contexts.
    """
    objects = object_numbers(battery.env)

    def asked(kept: tuple[int, ...]) -> np.ndarray:
        states = with_only(battery.env, battery.states, kept)
        seen = np.asarray(observations_of(battery.env, states))
        return centred(logits(states, seen))

    whole, base = centred(logits(battery.states, battery.observations)), asked(())
    alone = [asked((number,)) - base for number in objects]
    main = np.stack(alone, -1) if alone else np.zeros((*whole.shape, 0))
    pairs = tuple(combinations(range(len(objects)), 2)) if len(objects) <= MOST_PAIRED else ()
    both = [
        (whole if len(objects) == 2 else asked((objects[one], objects[other])))
        - base
        - main[..., one]
        - main[..., other]
        for one, other in pairs
    ]
    paired = np.stack(both, -1) if both else np.zeros((*whole.shape, 0))
    instances = np.asarray(_present(battery.env, battery.states))[:, list(objects)]
    higher = whole - base - main.sum(-1) - paired.sum(-1)
    return ObjectEffects(
        objects, pairs, np.asarray(instances.any(-1)), whole, base, main, paired, higher
    )


def centred(logits: np.ndarray) -> np.ndarray:
    """Return float64[..., A]: logits less their mean over actions."""
    values = np.asarray(logits, np.float64)
    return values - values.mean(-1, keepdims=True)


def with_only(env: Env, states: State, kept: tuple[int, ...]) -> State:
    """Return states [C] without the objects that are not among the concepts `kept`."""
    left = np.array([concept.kind == "place" for concept in env.concepts])
    left[list(kept)] = True
    return _with_only(states, jnp.asarray(left))


@jax.jit
def _with_only(states: State, left: jax.Array) -> State:
    present = states.level.present & left[None, :, None]
    return states.replace(level=states.level.replace(present=present))


@partial(jax.jit, static_argnums=0)
def _present(env: Env, states: State) -> jax.Array:
    return jax.vmap(env.present)(states)


def emptied(battery: Battery) -> Battery:
    """Return the same contexts with no object there, analysed anew: distances, advantages, …."""
    home, model = battery.tabular_model
    places = jnp.asarray([concept.kind == "place" for concept in battery.env.concepts])
    levels = model.levels.replace(present=model.levels.present & places[None, :, None])
    found = sampling.survey(battery.env, levels)
    about = {name: getattr(battery, name) for name in ("kind", "split", "seed")}
    return gathered(battery.env, levels, found, tuple(home.T), battery.weight, about)
