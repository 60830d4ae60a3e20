"""Parallelised Q-network: values of actions learnt from λ-returns, no replay, no target network.

Gallici et al. 2024, "Simplifying deep temporal difference learning". Many envs at once stand for
the replay, layer normalisation for the target network. The λ-returns need no section of their own:
with V = max_a Q, what `advantage` gives as the critic's target is
    r + γ [(1 − λ) max_a Q(s′, a) + λ (the target of the next step)],
which is the published return (Peng & Williams 1996, "Incremental multi-step Q-learning"), and ends
with an episode as it should.

Axis letters: B envs · A actions.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from shardsim.agent.action import Action
from shardsim.agent.config import NetworkConfig
from shardsim.agent.loss import Coefficients, LossParts, entropy_of
from shardsim.agent.network import Network, Output, build_network
from shardsim.agent.rollout import Batch
from shardsim.env.core import Env


class QNetwork(Network):
    """A network that values actions, Q; its policy is softmax(Q / temperature).

    Its layers are normalised before they are rectified (Ba et al. 2016, "Layer normalization").
    Dueling heads, a value and advantages in units of the temperature, were tried and did not learn.
    """

    temperature: float = 1.0  # units of reward
    normalised: bool = True

    def heads(self, hidden: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return logits float32[B, A], value float32[B] = max Q, and Q float32[B, A]."""
        start = nn.initializers.orthogonal(0.01)
        found = nn.Dense(self.num_actions, kernel_init=start, name="q")(hidden)
        return found / self.temperature, jnp.max(found, axis=-1), found


def build_q_network(config: NetworkConfig, env: Env) -> QNetwork:
    """Return the Q-network that a config describes, for the actions of an env."""
    plain = build_network(config, env)
    return QNetwork(
        num_actions=plain.num_actions,
        kind=plain.kind,
        widths=plain.widths,
        channels=plain.channels,
        temperature=config.temperature,
    )


def action(key: jax.Array, logits: jax.Array, exploration: jax.Array) -> Action:
    """Take the best action of logits float32[B, A], or with chance `exploration` float32[] any.

    The recorded log-probability is that of this ε-greedy choice.
    """
    which, any_action = jax.random.split(key)
    count, actions = logits.shape
    best = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    other = jax.random.randint(any_action, (count,), 0, actions, jnp.int32)
    explores = jax.random.uniform(which, (count,), dtype=jnp.float32) < exploration
    chosen = jnp.where(explores, other, best)
    share = exploration / actions
    chance = share + jnp.where(chosen == best, 1.0 - exploration, 0.0)
    return Action(chosen, chosen, jnp.log(chance))


def loss(output: Output, batch: Batch, coefficients: Coefficients) -> tuple[jax.Array, LossParts]:
    """Return half the squared error of the values of the actions taken; no coefficient is read.

    There is no policy to have a loss of its own or to diverge: these parts are NaN.
    """
    assert output.action_values is not None
    taken = jnp.take_along_axis(output.action_values, batch.actions[:, None], axis=1)[:, 0]
    value = jnp.mean(jnp.square(taken - batch.targets))
    none = jnp.full_like(value, jnp.nan)
    return 0.5 * value, LossParts(none, value, entropy_of(output.logits), none)
