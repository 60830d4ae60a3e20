"""Asking a policy what it does: any callable on observations, in batches of one shape.

Axis letters: B batch · C contexts · H, W, planes of an observation · A actions · D units.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.core import Env, template_level
from shardsim.env.types import Level, State
from shardsim.shards.contexts.answers import Response, joined, read_answer

BATCH = 4096

Rule = Callable[[Env, State], jax.Array]  # one state -> logits[A]


class StatePolicy:
    """A rule over states as a policy over observations.

    Where the states behind the observations are known, as in a battery, they are what the rule
    sees; a bare observation is decoded first, and refused if it does not tell the state.
    """

    def __init__(self, rule: Rule, env: Env | None = None) -> None:
        """Hold a rule; `env` is needed for observations alone."""
        self.rule = rule
        self.env = env

    def on_states(self, env: Env, states: State) -> jax.Array:
        """Return logits float32[B, A] in batched states [B]."""
        return _rule_logits(self.rule, env, states)

    def __call__(self, observations: Any) -> jax.Array:
        """Return logits float32[B, A] for observations float32[B, H, W, planes]."""
        if self.env is None:
            raise UserError(
                "this rule reads states; give state_policy(rule, env=...) to call it on "
                "observations alone"
            )
        return self.on_states(self.env, decode(self.env, observations))


def state_policy(rule: Rule, env: Env | None = None) -> StatePolicy:
    """Make a policy of a rule `rule(env, state) -> logits[A]`, written for one state in jax.numpy.

    Args:
      rule: pure and traceable; it is batched by vmap.
      env: the world whose observations are decoded when the policy is called on them.

    Raises:
      UserError: the rule is no function.
    """
    if not callable(rule):
        raise UserError(
            f"a rule is a function of (env, state), not a value of type {type(rule).__name__}; "
            "give one that returns logits"
        )
    return StatePolicy(rule, env)


@partial(jax.jit, static_argnums=(0, 1))
def _rule_logits(rule: Rule, env: Env, states: State) -> jax.Array:
    return jax.vmap(partial(_one_rule, rule, env))(states)


def _one_rule(rule: Rule, env: Env, state: State) -> jax.Array:
    """Return what a rule says of one state, float32[A]; raises UserError where it cannot."""
    try:
        answer = rule(env, state)
    except jax.errors.JAXTypeError as error:
        raise UserError(
            "the rule of this state_policy cannot be batched; write it for one state in jax.numpy, "
            "without `if` on the state's values"
        ) from error
    try:
        logits = jnp.stack(answer) if isinstance(answer, list) else jnp.asarray(answer)
        real = not jnp.iscomplexobj(logits)
    except (TypeError, ValueError):
        real = False
    if answer is None or not real:
        raise UserError(
            "the rule of this state_policy gave no array of real numbers; return logits [actions], "
            "not complex ones or a tuple"
        )
    return logits.astype(jnp.float32)


@partial(jax.jit, static_argnums=0)
def _observe(env: Env, states: State) -> jax.Array:
    return jax.vmap(env.observe)(states)


def decode(env: Env, observations: Any) -> State:
    """Return the batched states [B] that observations [B, H, W, planes] show.

    Steps are 0 and reward weights 1, which no observation tells.

    Raises:
      UserError: the env's levels or observations hold more, or less, than the base's own do.
    """
    seen = jnp.asarray(observations, jnp.float32)
    shown = {*env.concept_names, *env.state_fields} - {"cell"} <= {*env.observation_channels}
    plain = type(template_level(env)) is Level and shown
    if not plain or seen.shape[1:] != env.observation_shape:
        raise UserError(
            f"observations of {env.name} cannot be turned back into states; "
            "ask a state_policy over a battery, which holds its states"
        )
    states = _decode(env, seen)
    if not bool(jnp.all(_observe(env, states) == seen)):
        raise UserError(
            f"observations of {env.name} do not tell its states; "
            "ask a state_policy over a battery, which holds its states"
        )
    return states


@partial(jax.jit, static_argnums=0)
def _decode(env: Env, observations: jax.Array) -> State:
    template = template_level(env)
    places = {name: number for number, name in enumerate(env.observation_channels)}

    def positions(mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        order = jnp.argsort(~mask.reshape(-1), stable=True)[: template.present.shape[1]]
        spots = jnp.stack([order // env.width, order % env.width], -1).astype(jnp.int32)
        return spots, mask.reshape(-1)[order]

    def one(seen: jax.Array) -> State:
        planes = [seen[..., places[name]] > 0.5 for name in env.concept_names]
        spots = [positions(mask) for mask in planes]
        level = Level(
            walls=seen[..., 1] > 0.5,
            position=jnp.stack([spot for spot, _ in spots]),
            present=jnp.stack([there for _, there in spots]),
            reward_weights=jnp.ones(template.reward_weights.shape, jnp.float32),
        )
        fields = {"cell": jnp.argmax(seen[..., 0].reshape(-1)).astype(jnp.int32)}
        for name, size in env.state_fields.items():
            if name != "cell":
                value = seen[0, 0, places[name]] * max(1, size - 1)
                fields[name] = jnp.round(value).astype(jnp.int32)
        return State(level, {name: fields[name] for name in env.state_fields}, jnp.int32(0))

    return jax.vmap(one)(observations)


def respond(
    policy: Callable[..., Any],
    env: Env,
    states: State | None = None,
    observations: np.ndarray | jax.Array | None = None,
) -> Response:
    """Ask a policy in batches; a `StatePolicy` is asked on the states where they are given.

    A policy may write into the batch that it gets, which is a copy.

    Args:
      policy: obs float32[B, H, W, planes] -> logits[B, A], or (logits, {layer: [B, D]}); arrays of
        numpy, jax or torch.
      env: the world.
      states: batched states [C].
      observations: float32[C, H, W, planes]; made from the states if not given.

    Raises:
      UserError: no policy, or one that gives anything but finite numbers of these shapes, or ends
        the program.
    """
    if not callable(policy):
        raise UserError(
            f"a policy is a function of observations, not a value of type {type(policy).__name__}; "
            "give a function that returns logits"
        )
    if isinstance(policy, StatePolicy) and states is not None:
        with _answering():
            given = policy.on_states(env, states)
        return read_answer(given, len(states.steps), env.num_actions)
    if observations is None:
        if states is None:
            raise ValueError("respond needs states or observations")
        observations = _observe(env, states)
    return joined(
        [_ask(policy, part, real, env.num_actions) for part, real in _batches(observations)]
    )


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Around a call of a policy: one that calls sys.exit() must not end the program unseen."""
    try:
        yield
    except SystemExit as error:
        raise UserError(
            "the policy called sys.exit() instead of answering; let it return logits"
        ) from error


def _batches(observations: Any):
    """Yield (batch of one shape, a copy that may be written to; number of its real rows)."""
    whole = np.asarray(observations, np.float32)
    size = min(BATCH, len(whole))
    for first in range(0, len(whole), size):
        part = whole[first : first + size]
        yield np.concatenate([part, whole[: size - len(part)]]), len(part)


def _ask(policy: Callable[..., Any], batch: np.ndarray, real: int, actions: int) -> Response:
    with _answering():
        given = policy(batch)
    answer = read_answer(given, len(batch), actions)
    return Response(
        answer.logits[:real], {name: layer[:real] for name, layer in answer.activations.items()}
    )
