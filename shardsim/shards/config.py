"""Settings of identification. Every field has a range and a default that works.

(No postponed annotations here: pydantic reads them.)
"""

from pydantic import BaseModel, ConfigDict, Field

from shardsim.base.seeds import SEEDS


class IdentifyConfig(BaseModel):
    """Batteries, search and intervals; see `shardsim.shards`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_contexts: int = Field(
        default=9000,
        ge=200,
        description="contexts of the battery on target levels, which the fit uses",
    )
    held_out_contexts: int = Field(
        default=2000, ge=200, description="contexts of the battery on held-out levels"
    )
    track_contexts: int = Field(
        default=1000, ge=100, description="contexts of each battery at every checkpoint"
    )
    track_checks: int = Field(
        default=4, ge=0, description="checkpoints that are also fitted separately, as a check"
    )
    max_shards: int = Field(
        default=8, ge=1, le=32, description="largest number of shards to consider"
    )
    refine: int = Field(
        default=0,
        ge=0,
        description="contexts added where the hypotheses left after a first fit differ most, "
        "after which the shards are identified again; 0 adds none",
    )
    draws: int = Field(default=1000, ge=50, description="bootstrap draws of each interval")
    confidence: float = Field(default=0.9, gt=0.5, lt=1.0, description="coverage of intervals")
    null_contexts: int = Field(
        default=1200, ge=200, description="contexts on which the nulls are fitted"
    )
    view_contexts: int = Field(
        default=1200,
        ge=100,
        description="contexts of clustering, read-outs and causal interventions",
    )
    random_directions: int = Field(
        default=20, ge=5, description="norm-matched random directions for each causal intervention"
    )
    update_events: int = Field(
        default=128,
        ge=0,
        description="episodes at each of four checkpoints whose parameter updates are tested for "
        "their effect on each shard; 0 leaves this evidence out",
    )
    seed: int = Field(
        default=0, ge=0, lt=SEEDS, description="seed of batteries, folds and resampling"
    )
