"""Values and shards on the way through reflection, and a critic asked of every state led to."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.reflection.reflect import reflect_agents
from shardsim.reflection.results import Reflection, reflect_run
from shardsim.reflection.shard_returns import Here
from shardsim.reflection.world import flattened
from shardsim.runs.report.trial import HEAD, in_words
from tests.reflection.test_reflect import CONFIG, small  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

STEPS, EVERY = 4, 3
ASKED = CONFIG.model_copy(
    update={
        "models": ("critique", "sham-critique"),
        "steps": STEPS,
        "refit_every": EVERY,
        "follow_values": True,
    }
)


@pytest.fixture(scope="module")
def found(small) -> Reflection:  # noqa: F811
    return reflect_run(small, ASKED, onset="near-cheese", seed=1)


@pytest.fixture(scope="module")
def agents(small):  # noqa: F811
    return reflect_agents(small, ASKED, onset="near-cheese", seed=1)


def test_only_what_was_asked_for_is_there(found):
    data = found.dataset
    assert data["model"].values.tolist() == ["critique", "sham-critique"]
    assert data["onset"].values.tolist() == ["near-cheese"]
    assert ((data["critic_gap"] > 0) & (data["critic_gap"] <= 1)).all()
    assert found.summary["constancy"] == {
        "near-cheese": str(data["verdict"].sel(model="critique").values[0])
    }


def test_values_and_shares_stand_where_they_are_asked_for(found):
    path = found.dataset["value_path"].isel(onset=0).transpose("model", "step", "place", ...)
    before = found.dataset["value_before"].isel(onset=0).transpose("place", ...)
    after = found.dataset["value_after"].isel(onset=0).transpose("model", "place", ...)
    np.testing.assert_allclose(path.isel(step=0), np.broadcast_to(before, after.shape))
    np.testing.assert_allclose(path.isel(step=-1), after)
    known = np.isfinite(path).all(("model", "seed", "shard"))
    assert known.sel(place="onset").all()
    assert known.sel(place="target").values.tolist() == [True, False, False, True, True]
    share = found.dataset["share_path"].isel(onset=0)
    found_again = np.isfinite(share).all(("model", "seed", "shard")).values
    assert found_again.tolist() == [True, False, False, True, True]
    np.testing.assert_allclose(share.isel(step=-1), found.dataset["share_after"].isel(onset=0))
    np.testing.assert_allclose(
        found.dataset["carry_over_path"].isel(onset=0, step=-1),
        found.dataset["carry_over"].isel(onset=0),
    )


def test_parameters_that_are_kept_do_what_was_done_at_that_step(agents, found):
    """The value at the third step, by its parameters, and by what was done on the way."""
    setting, around = agents.setting, np.asarray(agents.trace.around)
    here = Here(setting, flattened(setting.worlds, 3), ASKED.discount)
    by_policy = here.returns(around[:, :, 0, EVERY])[:, 0]
    path = found.dataset["value_path"].sel(model="critique", place="onset", step=EVERY)
    kept = path.isel(onset=0).transpose("seed", "shard").values
    np.testing.assert_allclose(kept, by_policy, atol=1e-6)
    assert np.abs(by_policy - here.returns(around[:, :, 0, 0])[:, 0]).max() > 1e-4


def test_the_critic_looks_at_the_state_that_each_move_leads_to(agents, small):  # noqa: F811
    env, setting = small.env, agents.setting
    outlook, world = setting.onset.outlook, setting.onset.world
    place = (0, 0, 0)
    views, beyond, leads = (
        np.asarray(leaf[place]) for leaf in (setting.onset.views, outlook.beyond, outlook.leads)
    )
    looked_at = np.concatenate([views, beyond])
    goal = np.zeros(2, int)
    for state in np.flatnonzero(np.asarray(world.decision[place])):
        for action in range(env.num_actions):
            lead = leads[state, action, 0]
            goal += np.asarray(world.entered[place])[state, action, 0][list(setting.goals)]
            # The agent's own plane says where it stands.
            cell = np.flatnonzero(looked_at[lead][..., 0])
            then = _moved(env, np.flatnonzero(views[state][..., 0])[0], action, looked_at[lead])
            assert cell.tolist() == [then]
    assert goal.any()  # moves that end a plan are among them


def _moved(env, cell: int, action: int, seen: np.ndarray) -> int:
    """The cell that an action leads to, by the walls that are seen; north, east, south, west."""
    row, column = divmod(int(cell), env.width)
    steps = {"north": (-1, 0), "south": (1, 0), "east": (0, 1), "west": (0, -1)}
    there = row + steps[env.action_names[action]][0], column + steps[env.action_names[action]][1]
    inside = 0 <= there[0] < env.height and 0 <= there[1] < env.width
    walls = seen[..., 1]
    return there[0] * env.width + there[1] if inside and not walls[there] else int(cell)


def test_a_trial_is_told_as_a_table_with_a_row_an_onset_and_model(found):
    lines = in_words(found.dataset).splitlines()
    assert all(word in lines[0] for word in HEAD)
    assert [line.split()[1] for line in lines[1:3]] == ["critique", "sham-critique"]
    hit = found.dataset["hit"].sel(model="critique", outcome="cheese").isel(onset=0).mean("seed")
    first, last = hit.isel(step=0).item(), hit.isel(step=-1).item()
    assert f"cheese {first:.2f} -> {last:.2f}" in lines[1]
