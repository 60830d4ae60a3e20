"""What a training run can be told. Every field has a unit, a range and a default that works."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from shardsim.agent.options import DEFAULTS, POLICY_GRADIENT, UNREAD, LearnerName
from shardsim.base.seeds import SEEDS

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


class NetworkConfig(BaseModel, extra="forbid", frozen=True):
    """The shape of the network; see `shardsim.agent.network`."""

    kind: Literal["egocentric", "allocentric", "convolutional", "recurrent"] = Field(
        default="egocentric",
        description="what the first layer sees: the grid centred on the agent, the grid as it is, "
        "or two convolutions over it; recurrent: centred, with a memory (GRU) after the dense "
        "layers",
    )
    widths: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        default=(64, 64), description="units of each dense layer", min_length=1
    )
    channels: int = Field(default=16, ge=1, le=1024, description="channels of each convolution")
    temperature: Positive = Field(
        default=0.02,
        description="of the policy softmax(Q / temperature) of a learner of values (pqn), in units "
        "of reward",
    )


class RewardSchedule(BaseModel, extra="forbid", frozen=True):
    """How the weight of one reward component changes over training: straight between points."""

    component: str = Field(description="name of a reward component of the env")
    at: tuple[Fraction, ...] = Field(description="fractions of training, increasing", min_length=1)
    weight: tuple[float, ...] = Field(description="weight at each of these points", min_length=1)

    @model_validator(mode="after")
    def _points_fit(self) -> RewardSchedule:
        if len(self.at) != len(self.weight):
            raise ValueError(f"at has {len(self.at)} values and weight has {len(self.weight)}")
        if list(self.at) != sorted(set(self.at)):
            raise ValueError("at must increase from point to point")
        return self


class TrainConfig(BaseModel, extra="forbid", frozen=True):
    """Training of one batch of seeds, with the defaults of ppo; see `shardsim.agent.train`."""

    learner: LearnerName = Field(
        default="ppo",
        description="proximal policy optimisation, advantage actor–critic (a2c) or a parallelised "
        "Q-network (pqn); other defaults of these two are in learners.md",
    )
    seeds: int = Field(default=4, ge=1, le=1024, description="number of agents, trained at once")
    first_seed: int = Field(
        default=0, ge=0, lt=SEEDS, description="the seeds are first_seed, +1, …"
    )
    total_steps: int = Field(default=400_000, ge=1, lt=2**31, description="env steps of each seed")
    num_envs: int = Field(default=64, ge=1, description="envs stepped at once for each seed")
    rollout_steps: int = Field(default=32, ge=1, description="steps of each env between updates")
    epochs: int = Field(default=3, ge=1, description="passes over each rollout")
    minibatches: int = Field(default=4, ge=1, description="minibatches in each pass")
    discount: Fraction = Field(default=0.97, description="discount of reward per step")
    gae_lambda: Fraction = Field(
        default=0.9, description="λ of generalised advantage estimation, or of λ-returns (pqn)"
    )
    clip: Positive = Field(default=0.2, description="clipping range of the probability ratio")
    learning_rate: Positive = Field(default=2e-3, description="Adam's learning rate at the start")
    learning_rate_end: Fraction = Field(
        default=0.1, description="learning rate at the end, as a fraction"
    )
    entropy: float = Field(default=0.01, ge=0.0, description="entropy bonus at the start, in nats")
    entropy_end: float = Field(default=0.0, ge=0.0, description="entropy bonus at the end, in nats")
    value_coefficient: float = Field(default=0.5, ge=0.0, description="weight of the value loss")
    max_grad_norm: Positive = Field(
        default=0.5, description="global norm that gradients are clipped to"
    )
    exploration: Fraction = Field(
        default=1.0, description="chance of a random move at the start (pqn)"
    )
    exploration_end: Fraction = Field(
        default=0.05, description="chance of a random move at the end (pqn)"
    )
    exploration_until: Fraction = Field(
        default=0.5, description="part of training over which that chance falls (pqn)"
    )
    bank_levels: int = Field(default=4096, ge=1, description="training levels drawn for each seed")
    bank_starts: int = Field(default=8, ge=1, description="starts drawn for each level")
    checkpoints: int = Field(default=16, ge=2, description="checkpoints after the untrained one")
    evaluation_levels: int = Field(default=200, ge=1, description="levels of each exact evaluation")
    network: NetworkConfig = NetworkConfig()
    reward_schedule: tuple[RewardSchedule, ...] = Field(
        default=(),
        description="weights of reward components that change over training; those of evaluation "
        "stay those of the env",
    )

    @model_validator(mode="after")
    def _with_own_defaults(self) -> TrainConfig:
        """Put in what the learner has other defaults for and is not written."""
        own = DEFAULTS[self.learner]
        for key in own.keys() - self.model_fields_set:
            object.__setattr__(self, key, own[key])  # frozen to everyone else
        return self

    @model_validator(mode="after")
    def _is_read(self) -> TrainConfig:
        for key in UNREAD[self.learner]:
            section, _, last = key.rpartition(".")
            holder = getattr(self, section) if section else self
            default = type(holder).model_fields[last].default
            if getattr(holder, last) != default:
                raise ValueError(
                    f"{key} = {getattr(holder, last)} is not read by learner {self.learner!r}; "
                    f"leave it out (that is {default})"
                )
        return self

    @model_validator(mode="after")
    def _one_step_a_rollout(self) -> TrainConfig:
        if self.learner == "a2c" and (self.epochs, self.minibatches) != (1, 1):
            raise ValueError(
                f"a2c takes one step for each rollout, and epochs is {self.epochs} and minibatches "
                f"{self.minibatches}; leave both out, or use ppo, which may go over a rollout again"
            )
        return self

    @model_validator(mode="after")
    def _batch_divides(self) -> TrainConfig:
        rows = self.num_envs * self.rollout_steps
        if rows % self.minibatches:
            raise ValueError(
                f"minibatches ({self.minibatches}) must divide num_envs x rollout_steps ({rows})"
            )
        if rows < 2 * self.minibatches:  # one advantage less its own mean is 0, and so no gradient
            raise ValueError(
                f"minibatches ({self.minibatches}) of num_envs x rollout_steps ({rows}) rows leave "
                "1 row in each, which teaches nothing; give each at least 2"
            )
        return self

    @model_validator(mode="after")
    def _remembers_whole_sequences(self) -> TrainConfig:
        if self.network.kind != "recurrent":
            return self
        if self.learner not in POLICY_GRADIENT:
            raise ValueError(
                f"learner {self.learner!r} has no network with a memory; use "
                f"{' or '.join(POLICY_GRADIENT)}, or another network.kind"
            )
        if self.num_envs % self.minibatches:
            raise ValueError(
                f"minibatches ({self.minibatches}) must divide num_envs ({self.num_envs}) for a "
                "recurrent network, which learns from whole sequences of envs"
            )
        return self

    @model_validator(mode="after")
    def _seeds_are_distinct(self) -> TrainConfig:
        if self.first_seed + self.seeds > SEEDS:
            raise ValueError(f"first_seed + seeds must be at most {SEEDS}; lower first_seed")
        return self

    @model_validator(mode="after")
    def _scheduled_once(self) -> TrainConfig:
        names = [line.component for line in self.reward_schedule]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"reward_schedule names {twice!r} twice; write all its points in one")
        return self

    @property
    def updates(self) -> int:
        """Number of updates: rollouts needed to take at least `total_steps`."""
        return -(-self.total_steps // (self.num_envs * self.rollout_steps))
