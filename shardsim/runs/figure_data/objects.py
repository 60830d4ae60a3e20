"""A run's intervention shares and residual as the table that their figure takes."""

from __future__ import annotations

import shlex

from shardsim.base.errors import UserError
from shardsim.plot.intervention_shares import InterventionShares
from shardsim.runs.run import Run
from shardsim.shards.object_summary import fitted_parts
from shardsim.shards.schema import by_seed


def intervention_shares(run: Run) -> InterventionShares:
    """Return the shares by removing objects, the fitted ones and the residual's parts.

    Raises:
        UserError: the world has no object, or the run was identified before they were measured.
    """
    data = run.shards.dataset
    if "object_share" not in data:
        raise UserError(
            f"{run.path} has no shares by intervention: its world has no object, or it was "
            f"identified by an older version; identify it again with: shardsim identify --again "
            f"{shlex.quote(str(run.path))}"
        )
    blank = "object_share_untrained"
    return InterventionShares(
        parts=[str(name) for name in data["object_part"].values],
        measured=by_seed(data, "object_share"),
        ends=data["object_share_interval"].transpose("object_part", "end").values,
        fitted=fitted_parts(data),
        untrained=by_seed(data, blank) if blank in data else None,
        residual=by_seed(data, "residual_part_by_distance"),
        residual_parts=[str(name) for name in data["residual_part"].values],
        bins=[str(name) for name in data["distance_bin"].values],
    )
