"""All models of reflection on the shard distribution by name, with their sources.

A model is six choices: who judges, by which evaluator, over which menu, how a choice is accepted,
what is written, and how it goes on. Those that differ in acceptance alone take the same `Problem`
(`accept`); the others make the problem that additive bids then decide, or take what they need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from shardsim.base.errors import UserError, did_you_mean
from shardsim.reflection.models import agenda, bargain, choice
from shardsim.reflection.models.contract import believed
from shardsim.reflection.models.economy import economy
from shardsim.reflection.models.foresight import foreseen, with_tool
from shardsim.reflection.models.picoeconomics import bundled
from shardsim.reflection.models.problem import Accept, Outcome, Problem
from shardsim.reflection.models.replicator import endorsements
from shardsim.reflection.models.systematise import systematise

Part = Literal["acceptance", "judges", "evaluator", "menu", "whole"]


class Model(NamedTuple):
    """A named model."""

    code: str  # A1 to A13, as in the literature survey of the project
    name: str
    part: Part  # which of the six choices makes it a model of its own
    function: Callable[..., Any]
    accept: Accept | None = choice.additive_bids  # None: `function` says where it ends

    def __call__(self, problem: Problem) -> Outcome:
        """Decide a problem that has been posed.

        Raises:
            UserError: the model does not decide a `Problem`.
        """
        if self.accept is None:
            raise UserError(
                f"{self.name} takes no table of gains; call `{self.function.__name__}` of "
                f"{self.function.__module__}"
            )
        return self.accept(problem)


def _accepts(code: str, name: str, accept: Accept) -> Model:
    return Model(code, name, "acceptance", accept, accept)


PRESETS = {
    model.name: model
    for model in (
        _accepts("A1", "additive bids", choice.additive_bids),
        _accepts("A2", "endorsement replicator", endorsements),
        _accepts("A3", "least worst-unhappiness walk", choice.least_worst_unhappiness),
        _accepts("A4", "auction", choice.auction),
        Model("A4", "economy of bidders", "whole", economy, None),
        _accepts("A5", "Nash bargain", bargain.nash),
        _accepts("A5", "Kalai–Smorodinsky", bargain.kalai_smorodinsky),
        _accepts("A5", "egalitarian", bargain.egalitarian),
        Model("A6", "belief-weighted contract", "judges", believed),
        _accepts("A7", "unanimity", agenda.unanimity),
        _accepts("A8", "voting", agenda.majority),
        _accepts("A8", "Borda count", agenda.borda),
        Model("A9", "systematisation", "whole", systematise, None),
        _accepts("A10", "bounded modifier", choice.tolerated),
        Model("A11", "picoeconomics", "evaluator", bundled),
        Model("A12", "drift-aware bids", "evaluator", foreseen),
        Model("A13", "meta-tool drift", "menu", with_tool),
    )
}


def preset(name: str) -> Model:
    """Return a model by its name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"no model of reflection '{name}'; {did_you_mean(name, PRESETS)}")
    return PRESETS[name]
