"""Settings of a diagnosis."""

from pydantic import BaseModel, Field


class DiagnoseConfig(BaseModel, extra="forbid", frozen=True):
    """Diagnosis thresholds; see `shardsim.diagnosis.rule`."""

    optimal: float = Field(
        default=0.85,
        gt=0.0,
        le=1.0,
        description="share of the optimal return from which a policy counts as near-optimal; of "
        "the range from the worst return to it, where the optimum is not positive",
    )
    target_gap: float = Field(
        default=0.1,
        gt=0.0,
        le=1.0,
        description="drop of that share from training to target levels that counts as a failure "
        "to generalise",
    )
    excess: float = Field(
        default=0.05,
        gt=0.0,
        le=1.0,
        description="excess probability, over the optimal policy, of reaching a concept first on "
        "target levels from which that concept is named as the learned goal",
    )
    levels: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="levels of each split on which behaviour is evaluated exactly",
    )
