"""What the identification of shards can be told. Every field has a range and a default that works.

(No postponed annotations here: pydantic reads them.)
"""

from pydantic import BaseModel, ConfigDict, Field

from shardsim.base.seeds import SEEDS


class IdentifyConfig(BaseModel):
    """Batteries, search and intervals; see `shardsim.shards`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_contexts: int = Field(
        default=9000, ge=200, description="contexts of the battery of target levels, fitted to"
    )
    held_out_contexts: int = Field(
        default=2000, ge=200, description="contexts of the battery of held-out levels"
    )
    track_contexts: int = Field(
        default=1000, ge=100, description="contexts of each battery at every checkpoint"
    )
    track_checks: int = Field(
        default=4, ge=0, description="checkpoints that are also fitted by themselves, as the check"
    )
    max_shards: int = Field(default=8, ge=1, le=32, description="upper limit of the search")
    refine: int = Field(
        default=0,
        ge=0,
        description="contexts added where the hypotheses that stand after a first fit differ most, "
        "after which the shards are identified again; 0 adds none",
    )
    draws: int = Field(default=1000, ge=50, description="bootstrap draws of each interval")
    confidence: float = Field(default=0.9, gt=0.5, lt=1.0, description="coverage of intervals")
    null_contexts: int = Field(
        default=1200, ge=200, description="contexts on which nulls are fitted as agents are"
    )
    view_contexts: int = Field(
        default=1200, ge=100, description="contexts of clusterings, read-outs and causal checks"
    )
    random_directions: int = Field(
        default=20, ge=5, description="norm-matched random directions of each causal check"
    )
    update_events: int = Field(
        default=128,
        ge=0,
        description="episodes at each of four checkpoints, of which it is asked what their updates "
        "do to each shard; 0 leaves this evidence out",
    )
    seed: int = Field(default=0, ge=0, lt=SEEDS, description="of batteries, folds and resampling")
