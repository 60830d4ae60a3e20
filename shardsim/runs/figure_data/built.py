"""What built a run's shards, as the panels that the figure takes.

Axis letters: Q kinds of event · S seeds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.plot.what_built import Pushes, PushRow
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.evidence.built import Push, built
from shardsim.shards.evidence.updates import NONE
from shardsim.shards.schema import numbers_called


class Built(NamedTuple):
    """What the figure shows."""

    panels: dict[str, Pushes]
    note: str
    rows: tuple[PushRow, ...]  # as in a summary's `built`


def what_built(run: Run, shard: str = "") -> Built:
    """Gather the pushes on all shards, or on those of a number or name.

    Raises:
      UserError: no shard, no such shard, or a run that did not look at updates.
    """
    data = results.shards(run, "nothing built one")
    found = built(data)
    if not found:
        raise UserError(
            f"{run.path} did not look at updates of training; "
            "identify again with identify.update_events above 0"
        )
    wanted = numbers_called(data, shard) if shard else set(data["shard"].values.tolist())
    colours = dict(zip(data["shard"].values.tolist(), results.colours(data), strict=True))
    chosen = [one for one in found if one.shard in wanted]
    panels = {
        f"{number} {next(one.name for one in chosen if one.shard == number)}": _pushes(
            [one for one in chosen if one.shard == number], colours[number]
        )
        for number in sorted(wanted)
    }
    return Built(panels, _note(run), tuple(PushRow(one.as_data()) for one in chosen))


def _pushes(rows: list[Push], colour: str) -> Pushes:
    unknown = (np.nan, np.nan)
    return Pushes(
        kinds=[f"{_paid(one.event)}\n{one.part:.0%} of episodes" for one in rows],
        seeds=np.stack([one.seeds for one in rows]),
        chance=np.array([one.chance or unknown for one in rows]),
        p_value=[one.p_value for one in rows],
        selective=[one.selective for one in rows],
        colour=colour,
    )


def _paid(event: str) -> str:
    return "nothing paid" if event == NONE else f"{event} paid"


def _note(run: Run) -> str:
    """Where the episodes are from."""
    steps = run.training["steps"].values[run.shards.dataset["event_checkpoint"].values]
    *few, last = [f"{value:,.0f}" for value in steps]
    when = f"{', '.join(few)} and {last}" if few else last
    return f"episodes replayed by the agents after {when} env steps"
