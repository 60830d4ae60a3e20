"""What the shell completes beside paths and options: names of figures, experiments, stages."""

from __future__ import annotations

from collections.abc import Iterable

from shardsim.base import content


def figure_names(incomplete: str) -> list[str]:
    """Return the figures that begin so."""
    return _beginning(content.catalogue("analysis"), incomplete)


def experiment_names(incomplete: str) -> list[str]:
    """Return the shipped experiments that begin so."""
    return _beginning(content.catalogue("experiments"), incomplete)


def stage_names(incomplete: str) -> list[str]:
    """Return the stages that begin so."""
    from shardsim.runs.store import ORDER

    return _beginning(ORDER, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
