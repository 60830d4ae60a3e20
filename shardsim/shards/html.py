"""A table of shards for notebooks."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base import html


def table(data: xr.Dataset) -> str:
    """Return a row a shard: number, name, share with its interval, status, and what it does.

    Args:
      data: of the schema `SHARDS`, of one agent or several.
    """
    here = data.sel(battery=data.attrs["identified_on"])
    share = here["share"].transpose("seed", "shard", missing_dims="ignore").values
    mean = np.atleast_2d(share).mean(0)
    ends = here["share_interval"].transpose("shard", "end").values
    status, words = data["status"].values, data["words"].values
    rows = [
        (number, name, f"{mean[k]:.2f} [{ends[k, 0]:.2f}, {ends[k, 1]:.2f}]", status[k], words[k])
        for k, (number, name) in enumerate(
            zip(data["shard"].values, data["shard_name"].values, strict=True)
        )
    ]
    agents = data.sizes.get("seed", 1)
    levels = data.attrs["identified_on"]
    caption = (
        f"verdict: {data.attrs['verdict']}; {len(rows)} shard{'' if len(rows) == 1 else 's'} of "
        f"{agents} agent{'' if agents == 1 else 's'} on {levels} levels"
    )
    columns = ("shard", "name", "share of decision influence", "status", "in words")
    return html.table(caption, columns, rows)
