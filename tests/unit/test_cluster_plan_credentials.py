"""What becomes of a region's secret: made, copied, rotated, retired."""

from dataclasses import replace

import pytest

from turnfleet.model import region
from turnfleet.plan.cluster import addresses as public
from turnfleet.plan.cluster import credentials, members, objects, observed, past, planned, rotation
from turnrelay import contract

NOW = 1_000_000.0
OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
NAMED = replace(SPEC, auth=region.Auth(secret_name="mine", credential_ttl=600))
TIMED = replace(SPEC, auth=region.Auth(rotate_every=7200, credential_ttl=600))
HELD = observed.AuthSecret(
    current=OLD, generation=3, agent_key="ab", rotated_at=NOW - 3600, ttl=600
)
Phase = rotation.Phase


def relay(
    name: str = "one",
    *,
    generation: int = 3,
    proven: int | None = None,
    ready: bool = True,
    served: bool = True,
    silent: bool = False,
    mute: bool = False,
    asked: bool = True,
) -> members.Member:
    report = observed.Report(
        at=NOW,
        state=contract.State.READY,
        generation=generation,
        proven_generation=generation if proven is None else proven,
    )
    pod = observed.Pod(
        name=name,
        uid=name,
        created=0.0,
        node="node-1",
        ready=ready and served and not silent,
        host_addresses=("10.0.0.1",),
        report=report if asked and not mute else None,
        mute=mute,
    )
    known = past.Entry(name=name, instance=name, state=contract.State.READY, since=0.0)
    return members.Member(
        pod=pod,
        node=observed.Node(name="node-1", ready=not silent),
        home=objects.Kind.REPLICA_SET,
        past=known if served else None,
        finding=public.Finding(),
    )


def found(
    spec: region.RegionSpec = SPEC,
    *relays: members.Member,
    auth: observed.AuthSecret | None = HELD,
    named: bytes | None = None,
    problem: str = "",
    signed: bytes | None = OLD,
    request: str = "",
    now: float = NOW,
) -> credentials.Credentials:
    return credentials.credentials(
        spec,
        observed.Observed(auth=auth, named_secret=named, named_secret_problem=problem),
        observed.Surroundings(fresh_secret=NEW, agent_key="ab", signed=signed),
        roster=members.Roster(members=relays),
        request=request,
        now=now,
    )


def rotating(*, since: float = 0.0) -> observed.AuthSecret:
    """Return a Secret whose rotation has begun."""
    return replace(HELD, current=NEW, previous=OLD, generation=4, rotated_at=NOW - since)


def test_a_new_region_gets_a_secret_that_nothing_is_signed_with_yet() -> None:
    made = found(auth=None, signed=None)
    assert made.auth == observed.AuthSecret(
        current=NEW, agent_key="ab", rotated_at=NOW, ttl=SPEC.auth.credential_ttl
    )
    assert made.signing is None


def test_a_secret_that_is_there_is_kept_and_signed_with() -> None:
    kept = found(TIMED, relay())
    assert (kept.auth, kept.signing, kept.phase) == (HELD, OLD, Phase.SETTLED)
    assert kept.again == NOW + 3600


def test_a_secret_that_was_lost_comes_back_as_endpoints_and_relays_have_it() -> None:
    made = found(SPEC, relay(generation=7), auth=None, signed=OLD)
    assert made.auth is not None
    assert (made.auth.current, made.auth.generation) == (OLD, 8)


def test_a_region_without_relays_inherits_nobodys_secret() -> None:
    made = found(auth=None, signed=OLD)
    assert made.auth is not None
    assert made.auth.current == NEW


def test_the_agents_key_is_kept_in_step() -> None:
    changed = found(TIMED, auth=replace(HELD, agent_key="old")).auth
    assert changed == HELD


def test_a_named_secret_is_copied() -> None:
    made = found(NAMED, auth=None, named=OTHER)
    assert made.auth is not None
    assert made.auth.current == OTHER


def test_without_a_named_secret_there_is_none_and_the_reason_is_told() -> None:
    made = found(NAMED, auth=None, problem="it is not there")
    assert made == credentials.Credentials(auth=None, problem="it is not there")


def test_a_named_secret_that_went_away_leaves_what_is_in_force() -> None:
    kept = found(NAMED, problem="it is not there")
    assert (kept.auth, kept.signing, kept.problem) == (HELD, OLD, "it is not there")


def test_a_changed_named_secret_is_written_beside_the_old_one() -> None:
    changed = found(NAMED, relay(), named=NEW)
    assert changed.auth == rotating()
    assert (changed.signing, changed.phase) == (OLD, Phase.SPREADING)


@pytest.mark.parametrize(("now", "due"), [(NOW + 3599, False), (NOW + 3600, True)])
def test_a_timer_rotates_what_the_operator_owns(now: float, *, due: bool) -> None:
    assert (found(TIMED, now=now).auth != HELD) is due
    assert found(NAMED, named=OLD, now=now).auth == HELD


def test_a_request_is_followed_once() -> None:
    asked = found(TIMED, relay(), request="r1")
    assert asked.auth == replace(rotating(), request="r1")
    done = replace(HELD, request="r1")
    assert found(TIMED, auth=done, request="r1").auth == done


def test_any_text_is_a_request_and_a_long_one_is_kept_short() -> None:
    asked = found(TIMED, request="at " + "noon " * 100).auth
    assert asked is not None
    assert asked.generation == 4
    assert len(asked.request) <= 64


def test_a_request_waits_until_the_rotation_before_it_is_through() -> None:
    waiting = found(TIMED, relay(), auth=rotating(), request="r2")
    assert waiting.auth == rotating()


def test_a_named_secret_is_not_the_operators_to_rotate() -> None:
    asked = found(NAMED, relay(), named=OLD, request="r1")
    assert asked.auth == replace(HELD, request="r1")


@pytest.mark.parametrize("auth", [HELD, rotating()])
def test_an_emergency_drops_every_earlier_secret_at_once(auth: observed.AuthSecret) -> None:
    dropped = found(TIMED, relay(), auth=auth, request="now:r1")
    assert dropped.auth is not None
    assert (dropped.auth.current, dropped.auth.previous) == (NEW, None)
    assert dropped.auth.generation == auth.generation + 1
    assert dropped.signing == NEW


def test_an_emergency_with_a_named_secret_drops_what_it_was_before() -> None:
    dropped = found(NAMED, relay(), auth=rotating(), named=NEW, request="now:r1")
    assert dropped.auth is not None
    assert (dropped.auth.current, dropped.auth.previous) == (NEW, None)
    assert dropped.auth.generation == 5


def test_endpoints_go_on_with_the_old_secret_until_the_last_relay_accepts_the_new_one() -> None:
    early = found(SPEC, relay(generation=4), relay("two"), auth=rotating())
    assert (early.signing, early.phase) == (OLD, Phase.SPREADING)
    assert [member.pod.name for member in early.awaited] == ["two"]
    unproven = found(SPEC, relay(generation=4, proven=3), auth=rotating())
    assert unproven.signing == OLD
    through = found(TIMED, relay(generation=4), relay("two", generation=4), auth=rotating())
    assert (through.signing, through.phase) == (NEW, Phase.SWITCHING)
    assert through.auth == rotating(), "when the old one ends is not known yet"


def test_the_old_secret_gets_its_end_once_endpoints_are_known_to_sign_with_the_new_one() -> None:
    switched = found(TIMED, relay(generation=4), auth=rotating(), signed=NEW)
    assert switched.auth is not None
    assert switched.phase is Phase.OVERLAP
    end = switched.auth.retire_after
    assert end is not None
    assert NOW + 600 + credentials.SKEW <= end <= NOW + 600 + credentials.SKEW + 1
    assert switched.again == end
    kept = found(TIMED, relay(generation=4), auth=switched.auth, signed=NEW, now=end - 1)
    assert kept.auth == switched.auth
    retired = found(TIMED, relay(generation=4), auth=switched.auth, signed=NEW, now=end)
    assert retired.auth == replace(rotating(), previous=None)


def test_once_endpoints_have_switched_no_relay_makes_them_go_back() -> None:
    for auth, signed in ((rotating(), NEW), (replace(rotating(), retire_after=NOW + 9), OLD)):
        assert found(SPEC, relay(), auth=auth, signed=signed).signing == NEW


@pytest.mark.parametrize(
    ("away", "late"),
    [
        (relay(silent=True), True),
        (relay(mute=True), True),
        (relay(ready=False), True),
        (relay(served=False, asked=False, mute=True, ready=False), True),
        (relay(), False),
        (relay(asked=False), False),
    ],
    ids=["node not ready", "agent unreachable", "not ready", "starting", "there", "not asked yet"],
)
def test_only_relays_that_are_away_are_given_up_on(away: members.Member, *, late: bool) -> None:
    gone_by = found(SPEC, away, auth=rotating(since=rotation.AWAY))
    assert (gone_by.signing == NEW) is late


def test_relays_that_are_away_are_waited_for_a_while() -> None:
    for away in (relay(silent=True), relay(mute=True), relay(ready=False)):
        waiting = found(SPEC, away, auth=rotating(since=rotation.AWAY - 1))
        assert waiting.signing == OLD
        assert waiting.again == NOW + 1


def test_a_relay_that_has_missed_the_switch_is_known_and_one_that_starts_is_not_it() -> None:
    late = replace(rotating(since=600), retire_after=NOW + 60)
    behind = found(SPEC, relay(), relay("new", generation=0), auth=late, signed=NEW)
    assert [member.pod.name for member in behind.missed] == ["one"]
    soon = found(SPEC, relay(), auth=replace(rotating(since=1), previous=None), signed=NEW)
    assert soon.missed == ()


def test_what_was_signed_for_a_longer_time_before_still_counts() -> None:
    longer = replace(HELD, ttl=7200)
    lowered = found(TIMED, relay(), auth=longer).auth
    assert lowered is not None
    assert (lowered.ttl, lowered.expires_by) == (600, NOW + 7201)
    later = replace(rotating(), ttl=600, expires_by=lowered.expires_by)
    switched = found(TIMED, relay(generation=4), auth=later, signed=NEW, now=NOW + 100).auth
    assert switched is not None
    assert switched.retire_after is not None
    assert switched.retire_after >= NOW + 7200 + credentials.SKEW


def test_an_end_by_a_clock_that_was_far_ahead_is_brought_back() -> None:
    ahead = replace(rotating(), retire_after=NOW + 10**6)
    mended = found(TIMED, relay(generation=4), auth=ahead, signed=NEW).auth
    assert mended is not None
    assert mended.retire_after is not None
    assert mended.retire_after < NOW + 1000


def test_a_hold_keeps_to_what_endpoints_sign_with() -> None:
    for signed, kept in ((OLD, OLD), (NEW, NEW), (None, OLD)):
        around = observed.Surroundings(signed=signed)
        held = credentials.held(observed.Observed(auth=rotating()), around)
        assert held is not None
        assert held.signing == kept


def test_no_secret_is_ever_shown() -> None:
    shown = repr(
        (found(NAMED, named=NEW), planned.Plan(signing=NEW), observed.Surroundings(signed=NEW))
    )
    assert "nnnn" not in shown
    assert "oooo" not in shown
