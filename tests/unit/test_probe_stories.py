"""Whatever happens to relays, in whatever order: the prober's verdicts stay sensible."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import courts

from turnfleet.model import fleet
from turnfleet.probe import findings

events = st.lists(
    st.tuples(
        st.sampled_from(["silence", "revive", "refuse", "drain", "well", "replace", "pass"]),
        st.sampled_from(["eu1", "eu2", "us1", "us2", "ap1"]),
    ),
    max_size=25,
)


def happen(world: courts.World, what: str, name: str) -> None:
    match what:
        case "silence":
            courts.silence(world, name)
        case "refuse":
            courts.silence(world, name, evidence=findings.Evidence.REFUSED)
        case "revive":
            courts.revive(world, name)
            world.evidence.pop(courts.key(name), None)
        case "drain":
            report = findings.Report(
                instance="1", reason=fleet.Reason.DRAINING, usage=fleet.Usage(load=0)
            )
            world.reports[courts.key(name)] = report
        case "well":
            world.reports[courts.key(name)] = courts.WELL
        case "replace":
            world.replace(courts.target(name, instance=str(world.now)))
        case _:
            world.pass_(1.3)


@given(events)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_a_fleet_that_answers_is_offered_in_the_end(
    story: Iterable[tuple[str, str]],
) -> None:
    world = courts.World("eu1", "eu2", "us1", "us2", "ap1", step=0.25)
    world.pass_(5)
    for what, name in story:
        happen(world, what, name)
    world.silent.clear()
    world.reports.clear()
    world.pass_(courts.RHYTHM.hold_max + 15)
    assert len(world.offered) == 5
    assert world.suspicion is None


@given(events)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_what_is_offered_answers_or_the_prober_says_why(
    story: Sequence[tuple[str, str]],
) -> None:
    world = courts.World("eu1", "eu2", "us1", "us2", "ap1", step=0.25)
    world.pass_(5)
    for what, name in story:
        happen(world, what, name)
    world.reports.clear()
    world.pass_(courts.RHYTHM.doubt_max + courts.RHYTHM.doubt_grace + 5)
    dead = world.offered & world.silent
    assert not dead or world.suspicion is not None
    assert not dead or not (world.offered - world.silent)
