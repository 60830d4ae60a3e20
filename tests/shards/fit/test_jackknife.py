"""The infinitesimal jackknife beside real refits."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.data import decisions_on, log_softmax, subset
from shardsim.shards.fit.jackknife import refit_influence
from shardsim.shards.fit.mle import Fitted, fit_mle
from shardsim.shards.fit.shard_model import shard_model
from shardsim.shards.fit.structure import find_structure
from shardsim.shards.influence import shares
from shardsim.shards.influence.shares import parts_of


@pytest.fixture(scope="module")
def fitted(corner_battery):
    spec = PlantedSpec(
        kind="shards",
        concepts=corner_battery.concepts,
        gates=(PlantedGate("near", 0, threshold=3, width=1.0), PlantedGate("constant")),
        preferences=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
        strengths=(3.0, 1.2),
        habit=(0.4, 0.0, -0.2, 0.0),
        affordance=-2.0,
        noise=0.5,
        seed=1,
    )
    data = decisions_on(corner_battery, logits_on(spec, corner_battery))
    found = find_structure(data, seed=0)
    shared = linear_models.common(data, found.work.fold, found.work.values, np.zeros(3, bool))
    fitted = fit_mle(shared, found.work.values, found.coefficients, found.preferences, 40)
    return data, found, shard_model(found.work.atoms, fitted, found.preferences, data)


def refitted(data, found, model, rows):
    """Strengths [P] over all contexts of a fit to the contexts `rows`, from the model's own."""
    some = subset(data, rows)
    shared = linear_models.common(
        some, found.work.fold[rows], found.work.values[rows], np.zeros(3, bool)
    )
    coefficients = model.coefficients
    linear, start, (atoms, shards) = linear_models.gated(
        shared, found.work.values[rows], coefficients, model.preferences
    )
    actions, used = data.logits.shape[1], shared.affordance.shape[1]
    start[:actions] = model.habit
    start[actions : actions + used] = model.affordance_coefficients[:used]
    new = likelihood.fit(linear, np.exp(log_softmax(some.logits)), start, 40)
    changed = np.zeros_like(coefficients)
    changed[atoms, shards] = new[actions + used :]
    afford = np.zeros(len(model.affordance_coefficients))
    afford[:used] = new[actions : actions + used]
    habit = new[:actions] - new[:actions].mean()
    other = shard_model(model.atoms, Fitted(changed, afford, habit), model.preferences, data)
    return shares.strengths(parts_of(other, data)).T @ data.weight


def test_one_newton_step_moves_the_strengths_as_a_new_fit_does(fitted):
    data, found, model = fitted
    influence = refit_influence(model, data)
    np.testing.assert_allclose(influence.sum(0), 0.0, atol=1e-8)
    every = np.arange(len(data.logits))
    base = refitted(data, found, model, every)
    predicted, real = [], []
    for place, level in enumerate(np.unique(data.level_index)[:6]):
        twice = np.r_[every, np.flatnonzero(data.level_index == level)]
        real.append(refitted(data, found, model, twice) - base)
        predicted.append(influence[place])
    predicted, real = np.ravel(predicted), np.ravel(real)
    assert np.corrcoef(predicted, real)[0, 1] > 0.97
    assert 0.8 < (predicted @ real) / (real @ real) < 1.2


def test_an_interval_grows_by_the_fit_and_keeps_its_mean():
    strength = np.ones((1, 20, 2))
    weight, level = np.ones(20), np.arange(20) // 2
    refit = np.stack([np.linspace(-1, 1, 10), np.zeros(10)], 1)[None]
    plain = shares.share_interval(strength, weight, level, seed=0)
    wide = shares.share_interval(strength, weight, level, seed=0, refit=refit)
    np.testing.assert_allclose(plain.high - plain.low, 0.0, atol=1e-12)
    np.testing.assert_allclose(wide.mean, plain.mean)
    assert (wide.high - wide.low > 0.05).all()
