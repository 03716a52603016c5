"""What becomes of a region's secret: made, copied, changed, retired."""

from dataclasses import replace

from turnfleet.model import region
from turnfleet.plan.cluster import credentials, observed

NOW = 1_000_000.0
OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
NAMED = replace(SPEC, auth=region.Auth(secret_name="mine", credential_ttl=600))
FRESH = observed.Surroundings(fresh_secret=NEW, agent_key="ab")
HELD = observed.AuthSecret(current=OLD, generation=3, agent_key="ab")


def found(
    spec: region.RegionSpec = SPEC,
    *,
    auth: observed.AuthSecret | None = HELD,
    named: bytes | None = None,
    problem: str = "",
    now: float = NOW,
) -> credentials.Credentials:
    seen = observed.Observed(auth=auth, named_secret=named, named_secret_problem=problem)
    return credentials.credentials(spec, seen, FRESH, now)


def test_a_new_region_gets_a_secret_that_nothing_is_signed_with_yet() -> None:
    made = found(auth=None)
    assert made.auth == observed.AuthSecret(current=NEW, agent_key="ab")
    assert made.signing is None


def test_a_secret_that_is_there_is_kept_and_signed_with() -> None:
    kept = found()
    assert kept.auth == HELD
    assert kept.signing == OLD
    assert kept.again is None


def test_the_agents_key_is_kept_in_step() -> None:
    assert found(auth=replace(HELD, agent_key="old")).auth == HELD


def test_an_unknown_fleet_key_leaves_the_agents_key_as_it_is() -> None:
    seen = observed.Observed(auth=HELD)
    kept = credentials.credentials(SPEC, seen, observed.Surroundings(fresh_secret=NEW), NOW)
    assert kept.auth == HELD


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


def test_a_changed_secret_is_accepted_everywhere_before_anything_is_signed_with_it() -> None:
    changed = found(NAMED, named=NEW)
    assert changed.auth is not None
    assert (changed.auth.current, changed.auth.previous) == (NEW, OLD)
    assert changed.auth.generation == 4
    assert changed.signing == OLD
    switch = NOW + credentials.SPREADING
    assert changed.again == switch
    early = found(NAMED, auth=changed.auth, named=NEW, now=switch - 1)
    assert early.signing == OLD
    late = found(NAMED, auth=changed.auth, named=NEW, now=switch)
    assert late.signing == NEW
    assert late.auth == changed.auth


def test_the_old_secret_is_retired_once_nothing_signed_with_it_is_valid() -> None:
    changed = found(NAMED, named=NEW).auth
    assert changed is not None
    end = changed.retire_after
    assert end is not None
    # Signed at the last moment, valid for its time, by a clock that is behind.
    assert end >= NOW + credentials.SPREADING + 600 + credentials.SKEW
    kept = found(NAMED, auth=changed, named=NEW, now=end - 1)
    assert kept.auth == changed
    assert kept.again == end
    retired = found(NAMED, auth=changed, named=NEW, now=end)
    assert retired.auth == observed.AuthSecret(current=NEW, generation=4, agent_key="ab")


def test_a_second_change_waits_until_the_first_is_through() -> None:
    changed = found(NAMED, named=NEW).auth
    assert changed is not None
    waiting = found(NAMED, auth=changed, named=OTHER, now=NOW + 1)
    assert waiting.auth == changed
    assert changed.retire_after is not None
    done = found(NAMED, auth=changed, named=OTHER, now=changed.retire_after)
    assert done.auth is not None
    next_one = found(NAMED, auth=done.auth, named=OTHER, now=changed.retire_after)
    assert next_one.auth is not None
    assert (next_one.auth.current, next_one.auth.previous) == (OTHER, NEW)


def test_no_secret_is_ever_shown() -> None:
    shown = repr(found(NAMED, named=NEW))
    assert "nnnn" not in shown
    assert "oooo" not in shown
