"""Endorsements at the onsets of a run, as the figure takes them."""

from __future__ import annotations

from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole
from shardsim.plot.endorsement import Endorsed
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run


def endorsed(run: Run, onset: str = "", seed: Whole | None = None) -> dict[str, Endorsed]:
    """Return what each shard gains as each grows, by onset.

    Args:
        run: a run that has reflected.
        onset: only this one; all if empty.
        seed: only the seed at this position.

    Raises:
        UserError: nobody reflected, or an older version did, which kept no endorsements.
    """
    data = outcomes.chosen(run, onset, seed)
    if "endorsement" not in data:
        raise UserError(
            f"{run.path} was reflected on by a version that kept no endorsements; "
            f"run: shardsim reflect {run.path} --again"
        )
    found = {}
    for name in map(str, data["onset"].values):
        here = data.sel(onset=name)
        pairs = ("seed", "endorser", "shard")
        found[name] = Endorsed(
            here["judge"].transpose("seed", "shard").values,
            here["endorsement"].transpose(*pairs).values,
            here["endorsement_chance"].transpose(*pairs).values,
        )
    return found
