"""The checks of `check_env` on what is seen: observations, covariates, mirror images, transforms.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.conformance.subject import Finding, Subject
from shardsim.env.core import MIRRORED_ACTIONS, Env
from shardsim.env.covariates import analyse, covariates

STATES = 3  # compared one by one with the same in a batch


def observation(subject: Subject) -> Iterator[Finding]:
    """Observations lie in 0..1, their planes have names, and they hide nothing that matters."""
    env, name = subject.env, "observation"
    if len(set(env.observation_channels)) != len(env.observation_channels):
        yield Finding(name, "observation_channels holds a name twice", "give each its own")
    seen = subject.observations
    if not np.all(np.isfinite(seen)) or seen.min() < 0 or seen.max() > 1:
        yield Finding(
            name,
            f"observations go from {seen.min():.3g} to {seen.max():.3g}, outside 0..1",
            "scale what drives() or observe() returns",
        )
    hidden = None if env.partly_observed else _hidden(subject)
    if hidden is not None:
        one, other, fields = hidden
        yield Finding(
            name,
            f"states {one} and {other} look the same but lead to different things "
            f"(they differ in {', '.join(fields)})",
            "show it in observe() or drives(), or say partly_observed = True in the class",
        )


def _hidden(subject: Subject) -> tuple[int, int, list[str]] | None:
    """Find two states that look alike and differ in what an action pays or leads to."""
    env, reached = subject.env, subject.reached
    _, look = np.unique(subject.observations.reshape(len(reached), -1), axis=0, return_inverse=True)
    kind = np.full(env.num_states, -1)
    kind[reached] = look.reshape(-1)
    alike = defaultdict(list)
    for index in reached:
        alike[kind[index]].append(int(index))
    table = jax.tree.map(lambda leaf: np.asarray(leaf[0]), subject.tabular)

    def prospect(index: int, action: int) -> dict[Any, float]:
        """What an action may bring, by how it looks, with its chance."""
        found: defaultdict[Any, float] = defaultdict(float)
        for outcome, chance in enumerate(table.probability[index, action]):
            at = (index, action, outcome)
            end = bool(table.terminated[at])
            after = -1 if end else kind[table.next_state[at]]
            paid = tuple(np.round(table.rewards[(slice(None), *at)], 5))
            found[(after, end, paid)] += float(chance)
        return {key: round(value, 4) for key, value in found.items() if value > 0}

    # An episode does not go on from a state in which it has ended.
    ended = set(table.next_state[table.terminated & (table.probability > 0)].reshape(-1).tolist())
    for group in alike.values():
        live = [index for index in group if index not in ended]
        for other in live[1:]:
            for action in range(env.num_actions):
                if prospect(live[0], action) != prospect(other, action):
                    return live[0], other, _differing(env, subject, live[0], other)
    return None


def _differing(env: Env, subject: Subject, one: int, other: int) -> list[str]:
    first, second = (env.state_at(subject.level, jnp.int32(at)) for at in (one, other))
    return [key for key in first.fields if int(first.fields[key]) != int(second.fields[key])]


def views(subject: Subject) -> Iterator[Finding]:
    """Covariates are finite and take no name of the base's; a mirror image is undone by itself."""
    env = subject.env
    yield from _mirror(subject)
    own = set(jax.eval_shape(env.covariates, subject.state))
    plain = _without_own(env)
    base = jax.eval_shape(
        lambda level, state: covariates(plain, analyse(env, level), state),
        subject.level,
        subject.state,
    )
    for taken in sorted(own & set(base)):
        yield Finding("views", f"covariate {taken!r} is one of the base's", "give it another name")
    states = jnp.asarray(subject.reached, jnp.int32)
    level = subject.level
    values = jax.jit(jax.vmap(lambda at: env.covariates(env.state_at(level, at))))(states)
    for key, value in values.items():
        if not np.all(np.isfinite(value)):
            yield Finding("views", f"covariate {key!r} is not finite", "cap it in covariates()")


def _without_own(env: Env) -> Env:
    """Return the env without covariates of its own."""
    kind = type(env.__class__.__name__, (type(env),), {"covariates": lambda self, state: {}})
    plain = object.__new__(kind)
    plain.__dict__.update(vars(env))
    return plain


def _mirror(subject: Subject) -> Iterator[Finding]:
    env = subject.env
    seen = jnp.asarray(subject.observations)
    flipped, actions = env.mirror(seen)
    if flipped.shape != seen.shape or sorted(np.asarray(actions)) != list(range(env.num_actions)):
        yield Finding(
            "views",
            "mirror changes the observation's shape, or its actions are not a permutation",
            "leave `mirror` to the base",
        )
        return
    agent = env.observation_channels.index("agent") if "agent" in env.observation_channels else None
    names = env.action_names
    wrong = [
        action
        for action, name in enumerate(names)
        if set(MIRRORED_ACTIONS) <= set(names)
        and names[int(actions[action])] != MIRRORED_ACTIONS.get(name, name)
    ]
    turned = np.flip(np.asarray(seen), axis=-2)
    if wrong:
        yield Finding(
            "views",
            f"mirror maps {names[wrong[0]]} to {names[int(actions[wrong[0]])]}",
            "leave `mirror` to the base",
        )
    elif not np.array_equal(env.mirror(flipped)[0], seen):
        yield Finding("views", "a mirrored mirror image is another", "leave `mirror` to the base")
    elif agent is not None and not np.array_equal(flipped[..., agent], turned[..., agent]):
        yield Finding("views", "mirror does not turn the agent's plane", "leave it to the base")


def transforms(subject: Subject) -> Iterator[Finding]:
    """What is run one by one, without jit, equals the same in a compiled batch."""
    env, level = subject.env, subject.level
    chosen = subject.reached[np.linspace(0, len(subject.reached) - 1, STATES).astype(int)]

    def everything(index: jax.Array, action: jax.Array) -> dict[str, Any]:
        state = env.state_at(level, index)
        return {
            "transition": env.transition(state, action, jnp.int32(0)),
            "outcome_probability": env.outcome_probability(state, action),
            "present": env.present(state),
            "position": env.position(state),
            "observe": env.observe(state),
            "covariates": env.covariates(state),
            "start_mask": env.start_mask(level),
        }

    pairs = [(jnp.int32(at), jnp.int32(at % env.num_actions)) for at in chosen]
    batch = jax.jit(jax.vmap(everything))(*map(jnp.stack, zip(*pairs, strict=True)))
    alone = [everything(*pair) for pair in pairs]
    for key in batch:
        rows = [jax.tree.map(lambda leaf, at=at: leaf[at], batch[key]) for at in range(len(pairs))]
        if not all(_close(row, single[key]) for row, single in zip(rows, alone, strict=True)):
            yield Finding(
                "transforms",
                f"{key} gives something else under jax.jit and jax.vmap",
                "compute with jnp on what it is given, and with nothing else",
            )


def _close(one: Any, other: Any) -> bool:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(np.asarray(a), np.asarray(b), atol=1e-5) for a, b in leaves)
