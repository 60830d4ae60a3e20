"""An object moved away from where a run's agents reflect, as `plot.moved` takes it."""

from __future__ import annotations

from shardsim.base.scalars import Whole, whole
from shardsim.plot.moved import AtDistances
from shardsim.reflection.moved import reflect_as_it_moves
from shardsim.runs.agents import subjects_of
from shardsim.runs.run import Run

FARTHEST = 1000  # moves


def at_distances(run: Run, concept: str = "", farthest: Whole = 7) -> tuple[AtDistances, str]:
    """Reflect with an object at distances 1 to `farthest`; return it, and the model's name.

    Args:
        run: a run whose shards are identified.
        concept: the object, one of the two goals; by default the one that is.
        farthest: moves up to which it is moved away.

    Raises:
        UserError: a number out of its range, or as `reflect_as_it_moves`.
    """
    farthest = whole("farthest", farthest, 2, FARTHEST)
    found = reflect_as_it_moves(
        subjects_of(run),
        run.config.reflect,
        concept=concept,
        farthest=farthest,
        seed=run.config.identify.seed,
    )
    shown = {name: getattr(found, name) for name in AtDistances._fields}
    return AtDistances(**shown), next(iter(found.after))
