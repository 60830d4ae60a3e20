"""Settings of reflection. Every field has a unit, a range and a default that works."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Rule = Literal[
    "turns",
    "summed",
    "distillation",
    "sham",
    "best-of-n",
    "critique",
    "critique-refreshed",
    "implied",
    "unpaid",
    "sham-summed",
    "sham-best-of-n",
    "sham-critique",
    "sham-critique-refreshed",
    "sham-implied",
    "sham-unpaid",
]
MOST_STEPS = 10_000
RULES: tuple[Rule, ...] = get_args(Rule)
# The rule that each shuffles; those of distillation would be all alike.
SHUFFLED: dict[Rule, Rule] = {
    rule: "turns" if rule == "sham" else cast(Rule, rule.removeprefix("sham-"))
    for rule in RULES
    if rule.startswith("sham")
}
CONTROLS: tuple[Rule, ...] = ("distillation", *SHUFFLED)
REPLICATOR = "replicator"
Model = Rule | Literal["replicator"]
MODELS: tuple[Model, ...] = (*RULES, REPLICATOR)  # in the weights, and on the shard distribution
USUAL: tuple[Model, ...] = ("turns", "summed", "distillation", "sham", REPLICATOR)


def rules_of(models: Sequence[str]) -> tuple[Rule, ...]:
    """Return those of some models that work in the weights, in their order."""
    return tuple(cast(Rule, model) for model in models if model in RULES)


def leading(models: Sequence[str]) -> Rule:
    """Return the rule whose verdict stands for an onset: the first that is no control, if any."""
    rules = rules_of(models)
    real: list[Rule] = [rule for rule in rules if rule not in CONTROLS]
    return real[0] if real else rules[0]


def sham_of(rule: str) -> Rule | None:
    """Return the sham that is matched to a rule; None for a control."""
    return next((sham for sham, real in SHUFFLED.items() if real == rule), None)


def refitted(models: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules after which shards are found again: the leading one and its sham."""
    first = leading(models)
    return tuple(rule for rule in rules_of(models) if rule in (first, sham_of(first)))


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
    anchor: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="part of every lesson that is what the agent of before did: 0 none, 1 all",
    )
    best_of: float = Field(
        default=8.0,
        ge=1.0,
        le=1e6,
        description="n of best-of-n: of so many plans the one that the judges together value most",
    )
    temperature: float = Field(
        default=0.0,
        ge=0.0,
        le=1e3,
        description="τ of implied: of the critic's soft choice, in the "
        "units of its values; 0: that which fits the agent at onset best",
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
    models: tuple[Model, ...] = Field(
        default=USUAL,
        min_length=1,
        description="models of reflection; the verdict of an onset is that of the first one in the "
        "weights that is no control, and shards are found again after it and after its sham",
    )
    follow_values: bool = Field(
        default=False,
        description="whether values of the old shards at the onset are computed after every step",
    )
    refit_every: int = Field(
        default=0,
        ge=0,
        le=MOST_STEPS,
        description="steps after which shards are found again and valued on target levels; 0: "
        "before and after reflection alone",
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

    @field_validator("models")
    @classmethod
    def _one_in_the_weights(cls, models: Any) -> Any:
        """Refuse the same model twice, and a choice with none that changes the network."""
        if len(set(models)) < len(models):
            raise ValueError("the same model is named twice; name each once")
        if not rules_of(models):
            raise ValueError(f"none of them works in the weights; add one of {', '.join(RULES)}")
        return models

    @property
    def refit_steps(self) -> tuple[int, ...]:
        """The steps between the first and the last after which shards are found again."""
        every = self.refit_every
        return tuple(range(every, self.steps, every)) if every else ()
