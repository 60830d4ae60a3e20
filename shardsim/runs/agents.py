"""The agents of a run, as stages and figures ask for them."""

from __future__ import annotations

from shardsim.base.errors import UserError
from shardsim.reflection.site import Subjects
from shardsim.runs.run import Run
from shardsim.shards.agents import Networks


def agents_of(run: Run) -> Networks:
    """The run's networks, trained and untrained."""
    return Networks(
        env=run.env,
        network=run.learner.network,
        parameters=run.checkpoint(-1).parameters,
        fresh=run.checkpoint(0).parameters,
    )


def check_memoryless(run: Run, what: str) -> None:
    """Raise UserError where agents remember, for `what` is known of memoryless ones alone."""
    if run.learner.network.remembers:
        raise UserError(
            f"there is no {what} of agents with a memory; see what identify says of them, or train "
            "the same config with train.network.kind=egocentric"
        )


def subjects_of(run: Run) -> Subjects:
    """The trained agents of a run that is finished to `identify`, with their shards.

    Raises UserError where they have a memory, with which nobody reflects.
    """
    check_memoryless(run, "reflection")
    return Subjects(
        env=run.env,
        shards=run.shards,
        networks=agents_of(run),
        training=run.battery("held-out"),
        discount=run.config.train.discount,
    )
