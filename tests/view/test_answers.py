"""Answers are the policy's own numbers, on the level as it was edited and with what is on."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.types import State
from shardsim.runs.figure_data.gate_maps import gates_at
from shardsim.runs.figure_data.level import level_view
from shardsim.runs.run import Run
from shardsim.shards.fit.data import decisions_on, probabilities
from shardsim.shards.fit.joint import fit_gates
from shardsim.view.answers import Answer
from shardsim.view.edit import ABSENT, Edit, edited, read_edit
from shardsim.view.page import Desk

pytestmark = pytest.mark.slow


def asked(desk: Desk, edit: Edit, seed: int = 0, checkpoint: int = -1, off: Any = ()) -> Answer:
    level, _, _ = desk.level(desk.number)
    scene = desk.answers.scenes(level, plain(desk), [edit])[0]
    number = checkpoint % len(desk.run.updates)
    return desk.answers.answer(scene, seed, number, [(), off] if off else [()])


def plain(desk: Desk) -> Edit:
    return desk.level(desk.number)[1]


def states(run: Run, state: State) -> list[State]:
    """The states with the agent in each cell."""
    return [state.replace(cell=jnp.int32(cell)) for cell in range(25)]


def free(desk: Desk) -> list[int]:
    """Free cells on which no object lies."""
    edit = plain(desk)
    taken = {cell for row in edit.cells[:2] for cell in row}
    return [cell for cell in np.flatnonzero(~edit.walls.reshape(-1)) if cell not in taken]


def test_unedited_it_is_what_the_vector_field_shows(desk, built_run):
    view = level_view(built_run, seed=1)
    known = np.isfinite(view.policy[..., 0]).reshape(-1)
    found = asked(desk, plain(desk), seed=1)
    assert known.sum() > 5 and view.number == desk.number
    assert np.allclose(found.network[0][known], view.policy.reshape(25, 4)[known], atol=1e-6)
    gates = gates_at(built_run, 1, view.covariates)
    for number, gate in enumerate(gates.values()):
        assert np.allclose(found.gates[known, number], gate.reshape(-1)[known], atol=1e-12)


def test_a_moved_cheese_and_a_moved_wall_are_seen_by_the_policy(desk, built_run):
    edit = plain(desk)
    env = built_run.env
    to, wall = free(desk)[-1], int(np.flatnonzero(edit.walls.reshape(-1))[0])
    walls = edit.walls.copy().reshape(-1)
    walls[wall], walls[free(desk)[0]] = False, True
    changed = edit._replace(walls=walls.reshape(5, 5), cells=edit.cells.copy())
    changed.cells[0, 0] = to
    level, _, _ = desk.level(desk.number)
    own = level.replace(
        walls=jnp.asarray(changed.walls),
        position=jnp.asarray(level.position).at[0, 0].set(jnp.array([to // 5, to % 5])),
    )
    by_hand = [env.observe(s) for s in states(built_run, env.state_at(own, jnp.int32(0)))]
    agent = built_run.agent(0)
    expected = probabilities(np.asarray(agent.policy(jnp.stack(by_hand))))
    found = asked(desk, changed).network[0]
    assert np.allclose(found, expected, atol=1e-6)
    assert np.abs(found - asked(desk, edit).network[0]).max() > 0.1


def test_an_object_can_be_taken_away_and_put_back(desk, built_run):
    edit = plain(desk)
    gone = edit._replace(cells=edit.cells.copy())
    gone.cells[0, 0] = ABSENT
    level, _, _ = desk.level(desk.number)
    walls = jnp.asarray(edit.walls)
    before, after = jnp.asarray(edit.cells), jnp.asarray(gone.cells)
    state = edited(built_run.env, level, walls, after, before, {})
    assert not bool(state.level.present[0, 0]) and bool(state.level.present[2, 0])
    back = edited(built_run.env, state.level, walls, before, after, {})
    assert jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.all(a == b)), back.level, level))
    assert np.abs(asked(desk, gone).network - asked(desk, edit).network).max() > 0.1


def test_the_fitted_model_is_that_of_the_run_and_a_gate_at_zero_switches_a_shard_off(desk):
    level, edit, _ = desk.level(desk.number)
    scene = desk.answers.scenes(level, plain(desk), [edit])[0]
    model = desk.run.shards.models[0]
    assert model.num_shards == 2
    found = asked(desk, edit, off=(1,))
    assert np.allclose(found.model[0], probabilities(model.predict(scene.data)), atol=1e-12)
    cut = model.coefficients * np.array([1.0, 0.0])
    without = probabilities(type(model)(**{**vars(model), "coefficients": cut}).predict(scene.data))
    assert np.allclose(found.model[1], without, atol=1e-12)
    assert np.abs(found.model[1] - found.model[0]).max() > 0.05


def test_erasing_a_shard_takes_its_reading_out_of_the_layer_and_nothing_else(desk, built_run):
    level, edit, _ = desk.level(desk.number)
    scene = desk.answers.scenes(level, plain(desk), [edit])[0]
    last = len(built_run.updates) - 1
    weights = built_run.agent(0).parameters["params"]
    hidden = np.asarray(built_run.agent(0).activations(scene.observations)["dense_1"], np.float64)
    for shard, move in enumerate(desk.answers.fitted.erasure(0, last)):
        reader, pattern = np.asarray(move.reader[0]), np.asarray(move.patterns[0, 0])

        def read(layer, move=move, reader=reader):
            return np.asarray(move.offset[0]) + (layer - np.asarray(move.centre)) @ reader

        erased = hidden - read(hidden) @ pattern
        assert np.abs(read(hidden)).max() > 0.1 and np.abs(read(erased)).max() < 1e-3
        logits = erased @ np.asarray(weights["actor"]["kernel"])
        found = asked(desk, edit, off=(shard,)).network
        assert np.allclose(found[1], probabilities(logits), atol=1e-5)
        assert np.allclose(found[0], asked(desk, edit).network[0], atol=1e-7)


def test_shards_that_share_a_layer_are_erased_one_after_the_other(desk):
    edit = plain(desk)
    one, other = (asked(desk, edit, off=(shard,)).network[1] for shard in (0, 1))
    both = asked(desk, edit, off=(0, 1)).network[1]
    assert np.abs(both - one).max() > 0.01 and np.abs(both - other).max() > 0.01


def test_checkpoints_before_the_last_are_fitted_as_the_track_fits_them(desk, built_run):
    few = desk.answers.fitted._contexts(built_run.config.identify.track_contexts)
    logits = np.asarray(built_run.agent(1, 2).policy(few.observations))
    preferences = desk.answers.fitted.preferences
    expected = fit_gates(preferences, decisions_on(few, logits), seed=0)
    found = desk.answers.fitted.model(1, 2)
    assert np.array_equal(found.coefficients, expected.coefficients)
    assert desk.answers.fitted.model(1, 2) is found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"walls": [0] * 24}, "walls are not 25 whole numbers"),
        ({"walls": [0.5] * 25}, "walls are not 25 whole numbers"),
        ({"walls": [2] * 25}, "outside of 0 to 1"),
        ({"cells": [[1], [2]]}, "cells are not 3 whole numbers"),
        ({"cells": [[1], [2, 3], [4]]}, "cells are not 3 whole numbers"),
        ({"cells": [[99], [2], [4]]}, "outside of -1 to 24"),
        ({"walls": [1] * 25}, "would stand in a wall"),
        ({"fields": {"cell": 3}}, "no field 'cell'"),
        ({"fields": [1]}, "fields are not given by name"),
        ([], "an edit holds"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(desk, built_run, given, said):
    with pytest.raises(UserError, match=said):
        read_edit(built_run.env, plain(desk), given, {})


def test_places_stay_and_objects_do_not_meet(desk, built_run):
    edit = plain(desk)
    moved = edit.cells.copy()
    moved[2, 0] = free(desk)[-1]
    with pytest.raises(UserError, match="a place cannot be moved"):
        read_edit(built_run.env, edit, {"cells": moved.tolist()}, {})
    met = edit.cells.copy()
    met[0, 0] = met[1, 0]
    with pytest.raises(UserError, match="two objects"):
        read_edit(built_run.env, edit, {"cells": met.tolist()}, {})
    same = read_edit(built_run.env, edit, {}, {})
    assert np.array_equal(same.cells, edit.cells) and np.array_equal(same.walls, edit.walls)
