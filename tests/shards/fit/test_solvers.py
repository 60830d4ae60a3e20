"""The solvers against brute force and optimality conditions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shardsim.shards.fit import likelihood, solvers
from shardsim.shards.fit.gram import Problem
from shardsim.shards.fit.likelihood import Linear


def random_problem(seed, atoms=6, concepts=2):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(3 * atoms * concepts, atoms * concepts))
    quadratic = (factor.T @ factor / len(factor)).reshape(atoms, concepts, atoms, concepts)
    linear = rng.normal(size=(atoms, concepts))
    return Problem(quadratic, linear, 10.0, np.zeros((1, atoms * concepts)), np.zeros(1))


@given(seed=st.integers(0, 10_000))
def test_nonnegative_equals_the_best_of_all_supports(seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(8, 5))
    quadratic, linear = factor.T @ factor, rng.normal(size=5)
    best = 0.0
    for size in range(1, 6):
        for support in combinations(range(5), size):
            block = np.ix_(support, support)
            values = np.linalg.solve(quadratic[block], linear[list(support)])
            if (values >= 0).all():
                best = min(best, -0.5 * values @ linear[list(support)])
    for start in (np.zeros(5), rng.random(5)):
        found = solvers.nonnegative(quadratic, linear, start)
        value = 0.5 * found @ quadratic @ found - linear @ found
        assert (found >= 0).all()
        np.testing.assert_allclose(value, best, atol=1e-6)


def test_shrink_is_the_proximal_map_of_the_strength():
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(1, 3)) + 1.0
    found = solvers.shrink(raw, 0.4)

    def value(point):
        return 0.5 * ((point - raw) ** 2).sum() + 0.4 * solvers.strength(point).sum()

    grid = np.maximum(found + rng.normal(size=(500, 1, 3)) * 0.05, 0.0)
    assert all(value(found) <= value(point) + 1e-12 for point in grid)


def test_penalty_limit_is_where_the_first_atom_enters():
    problem = random_problem(2)
    limit = solvers.penalty_limit(problem.linear)
    start = np.zeros_like(problem.linear)
    assert not solvers.group_lasso(problem, 1.0001 * limit, start).any()
    assert solvers.group_lasso(problem, 0.99 * limit, start).any()


@given(seed=st.integers(0, 1000))
def test_alternation_never_raises_the_objective(seed):
    problem = random_problem(seed)
    start = np.eye(2)
    values = [
        solvers.alternate(problem, start, 0.05, None, rounds).objective for rounds in (1, 3, 9)
    ]
    assert values[0] + 1e-9 >= values[1] >= values[2] - 1e-9


def test_likelihood_recovers_the_coefficients_of_its_own_policy():
    rng = np.random.default_rng(3)
    design = rng.normal(size=(400, 4, 3))
    truth = np.array([1.5, -0.7, 0.4])
    logits = design @ truth
    target = np.exp(logits - logits.max(1, keepdims=True))
    target /= target.sum(1, keepdims=True)
    free = Linear(design, np.array([True, False, False]), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(likelihood.fit(free, target), truth, atol=1e-4)
    tied = free._replace(bounded=np.array([False, True, False]))
    assert likelihood.fit(tied, target)[1] == 0.0
