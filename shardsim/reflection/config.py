"""What the reflect stage can be told. Every field has a unit, a range and a default that works."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Rule = Literal["turns", "summed", "distillation", "sham"]
MOST_STEPS = 10_000
RULES: tuple[Rule, ...] = ("turns", "summed", "distillation", "sham")
REPLICATOR = "replicator"
MODELS = (*RULES, REPLICATOR)  # in the weights, and on the shard distribution


class ReflectConfig(BaseModel):
    """Reflection in the network's weights and on the shard distribution."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=20, ge=1, le=MOST_STEPS, description="reflection steps")
    gradients: int = Field(default=4, ge=1, le=100, description="gradients of each step")
    learning_rate: float = Field(default=3e-4, gt=0.0, le=1e-2, description="of Adam in reflection")
    contexts: int = Field(default=8, ge=1, le=4096, description="contexts of each onset")
    plans: int = Field(
        default=256, ge=2, le=65_536, description="plans imagined from each context a step"
    )
    plan_moves: int = Field(default=32, ge=1, description="moves after which a plan is given up")
    strength: float = Field(
        default=2.0,
        ge=0.0,
        le=50.0,
        description="b: a plan worth J to its judge is endorsed by exp(b J)",
    )
    discount: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.97, description="of what a shard wants, for each move until it has it"
    )
    judges: Literal["frozen", "refreshed"] = Field(
        default="frozen",
        description="the replicator's judges: those active at onset, or the present ones",
    )
    rate: float = Field(default=1.0, gt=0.0, le=1e3, description="rate of the replicator")
    goals: tuple[str, ...] = Field(
        default=(),
        description="two concepts that plans end at; empty: those that the shards want most",
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
        description="least probability of either end in a contested context",
    )
    candidates: int = Field(
        default=192, ge=1, le=65_536, description="levels that onsets are chosen from"
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
        description="contexts of the battery on which shards are identified again",
    )
    epsilon: float = Field(
        default=0.05, gt=0.0, lt=1.0, description="change that counts as none, of a shard's range"
    )
    competence: float = Field(
        default=0.05,
        gt=0.0,
        lt=1.0,
        description="loss of return, as a share of the optimum (or of the range to it from the "
        "worst, where it is not positive), up to which competence holds",
    )
