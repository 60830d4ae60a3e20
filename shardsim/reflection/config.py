"""Settings of reflection. Every field has a unit, a range and a default that works."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Rule = Literal["turns", "summed", "distillation", "sham"]
MOST_STEPS = 10_000
RULES: tuple[Rule, ...] = ("turns", "summed", "distillation", "sham")
REPLICATOR = "replicator"
MODELS = (*RULES, REPLICATOR)  # in the weights, and on the shard distribution
CONTROLS: tuple[Rule, ...] = ("distillation", "sham")  # rules that endorse nothing


class ReflectConfig(BaseModel):
    """Reflection in the network's weights and on the shard distribution."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=20, ge=1, le=MOST_STEPS, description="reflection steps")
    gradients: int = Field(default=4, ge=1, le=100, description="gradient updates per step")
    learning_rate: float = Field(
        default=3e-4, gt=0.0, le=1e-2, description="Adam's learning rate in reflection"
    )
    contexts: int = Field(default=8, ge=1, le=4096, description="contexts per onset")
    onsets: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="onsets of each class (near either goal, contested), each of its own contexts",
    )
    repeats: int = Field(
        default=1,
        ge=1,
        le=100,
        description="how often each reflection is done with other plans, to tell what chance does",
    )
    plans: int = Field(
        default=256, ge=2, le=65_536, description="plans imagined from each context at each step"
    )
    plan_moves: int = Field(default=32, ge=1, description="moves after which a plan is cut off")
    strength: float = Field(
        default=2.0,
        ge=0.0,
        le=50.0,
        description="b: a judge endorses a plan of value J by exp(b J)",
    )
    discount: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.97, description="discount per move of a shard's value"
    )
    judges: Literal["frozen", "refreshed"] = Field(
        default="frozen",
        description="the replicator's judges: shards active at onset, or at each step",
    )
    rate: float = Field(default=1.0, gt=0.0, le=1e3, description="rate of the replicator")
    goals: tuple[str, ...] = Field(
        default=(),
        description="two concepts at which plans end; empty: those that the shards prefer most",
    )
    near: float = Field(
        default=2.0, ge=1.0, description="moves within which an onset is near its concept"
    )
    far: float = Field(
        default=4.0, ge=1.0, description="moves beyond which the other concept is far"
    )
    open: float = Field(
        default=0.2,
        gt=0.0,
        lt=0.5,
        description="least probability of reaching either goal first in a contested context",
    )
    saturated: float = Field(
        default=0.02,
        ge=0.0,
        lt=0.5,
        description="probability of reaching one of the goals first below which a context is "
        "saturated: near onsets are made of others as far as there are any",
    )
    candidates: int = Field(
        default=192, ge=1, le=65_536, description="levels from which onsets are chosen"
    )
    probes: int = Field(
        default=24,
        ge=2,
        le=65_536,
        description="target levels measured at each step (held-out: half)",
    )
    identify_contexts: int = Field(
        default=1000,
        ge=200,
        description="contexts on which shards are identified again after reflection",
    )
    epsilon: float = Field(
        default=0.05,
        gt=0.0,
        lt=1.0,
        description="tolerance of constancy, as a fraction of the value's range",
    )
    competence: float = Field(
        default=0.05,
        gt=0.0,
        lt=1.0,
        description="loss of return up to which competence holds, as a fraction of the optimum (of "
        "the range from the worst return to it, where the optimum is not positive)",
    )
