"""One plan for each behaviour, as a person reads it. ``make golden`` writes them anew."""

import pytest
from tests.support import clusterplans


@pytest.mark.parametrize("name", clusterplans.goldens())
def test_the_plan_is_the_golden_one(name: str) -> None:
    golden = clusterplans.FOLDER / f"{name}.out.yaml"
    assert clusterplans.outcome(name) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", clusterplans.goldens())
def test_the_order_in_which_things_are_seen_changes_nothing(name: str) -> None:
    case = clusterplans.read(name)
    assert clusterplans.turned(case).plan() == case.plan()
