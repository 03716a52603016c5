"""Ranking: near before far, but for load, weight, residency and pins; and every no has a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from tests.support import fleets

from turnfleet.model import estimate, fleet, geo, region
from turnfleet.steer import census, choosing, dwelling, estimating, ranking
from turnrelay import contract

FRANKFURT = geo.Place(latitude=50.11, longitude=8.68)
NEAR = (50.11, 8.68)
FAR = (38.95, -77.45)
AZORES = (37.74, -25.67)
FARTHEST = (1.35, 103.82)


def rank(
    *regions: fleet.Region, pin: str | None = None, residency: str | None = None
) -> ranking.Ranking:
    return ranking.rank(
        census.take(fleets.a_fleet(*regions)),
        view=estimating.At(FRANKFURT, estimating.GreatCircle()),
        pin=pin,
        residency=residency,
    )


def order(ranked: ranking.Ranking) -> list[str]:
    return [found.region for found in ranked.ranked]


def reasons(ranked: ranking.Ranking) -> dict[tuple[str, str | None], fleet.Reason]:
    return {(out.region, out.relay): out.reason for out in ranked.excluded}


def well(
    name: str,
    at: tuple[float, float],
    *,
    load: float = 0.0,
    weight: int = 100,
    residency: str | None = None,
    relays: int = 1,
) -> fleet.Region:
    members = [fleets.a_member(f"{name}-{n}", of=name, load=load) for n in range(1, relays + 1)]
    return fleets.a_region(name, *members, at=at, weight=weight, residency=residency)


def staying(*said: tuple[str, float, float], dwells: bool = False, full: str = "") -> list[str]:
    """Return the order for a client that holds ``held``; the region that is ``full`` is so."""
    regions = [well(name, NEAR, load=1.0 if name == full else 0.0) for name, _, _ in said]
    return order(
        ranking.rank(
            census.take(fleets.a_fleet(*regions)),
            view=Measured(
                found={name: (rtt, deviation) for name, rtt, deviation in said},
                expected={name: rtt for name, rtt, _ in said},
                explores=False,
            ),
            pin=None,
            residency=None,
            stay=dwelling.Stay("held", dwells),
        )
    )


def test_a_client_stays_until_another_region_is_better_by_a_margin() -> None:
    assert staying(("held", 60, 10), ("near", 58, 10)) == ["held", "near"]
    assert staying(("held", 60, 10), ("near", 50, 10)) == ["near", "held"]
    assert staying(("held", 60, 10), ("near", 50, 10), dwells=True) == ["held", "near"]


def test_what_is_surely_better_is_not_hidden_by_what_may_be() -> None:
    said = ("held", 100, 1), ("unsure", 80, 60), ("sure", 85, 1)
    assert staying(*said) == ["sure", "unsure", "held"]
    assert staying(*said, dwells=True) == ["sure", "unsure", "held"]


def test_nobody_stays_where_all_is_full() -> None:
    assert staying(("held", 50, 10), ("near", 58, 10), full="held") == ["near", "held"]
    assert staying(("held", 60, 10), ("near", 58, 10), full="near") == ["held", "near"]


def test_regions_are_ranked_by_estimated_round_trip() -> None:
    ranked = rank(well("c", FARTHEST), well("a", FAR), well("b", NEAR))
    assert order(ranked) == ["b", "a", "c"]
    assert [lead.position for lead in ranked.leads] == [0]


def test_equal_regions_are_ranked_by_name() -> None:
    assert order(rank(well("b", NEAR), well("a", NEAR))) == ["a", "b"]


def test_load_costs_nothing_until_half_full_and_an_ocean_when_full() -> None:
    penalties = [ranking.load_penalty(load) for load in (0, 0.25, 0.5, 0.75, 1)]
    assert penalties == [0, 0, 0, 25, 100]


def test_a_busy_region_gives_way_to_one_half_across_the_ocean_but_not_across_the_world() -> None:
    busy = well("near", NEAR, load=0.94)
    assert order(rank(busy, well("far", AZORES))) == ["far", "near"]
    assert order(rank(busy, well("farthest", FARTHEST))) == ["near", "farthest"]


def test_a_region_that_is_full_takes_nobody_while_another_has_room_and_everybody_else() -> None:
    full = well("near", NEAR, load=0.95)
    assert order(rank(full, well("farthest", FARTHEST))) == ["farthest", "near"]
    assert order(rank(full, well("farthest", FARTHEST, load=1.0))) == ["near", "farthest"]
    assert order(rank(full, well("far", FAR), pin="near")) == ["near", "far"]


def test_a_region_does_not_look_emptier_for_a_relay_that_is_full() -> None:
    half, almost, refusing = (
        fleets.a_member("a", load=0.5),
        fleets.a_member("b", load=0.96),
        fleets.a_member("c", load=0.2, reason=fleet.Reason.FULL),
    )
    taken = census.take(fleets.a_fleet(fleets.a_region("r", half, almost, refusing)))
    assert taken.supplies["r"].load == pytest.approx((0.5 + 0.96 + 1) / 3)
    assert [(out.relay, out.reason) for out in taken.excluded] == [
        ("b", fleet.Reason.NEARLY_FULL),
        ("c", fleet.Reason.FULL),
    ]


def test_a_region_s_load_is_that_of_its_room() -> None:
    small, large = fleets.a_member("a", load=0.9), fleets.a_member("b", load=0.1)
    small = replace(small, relay=replace(small.relay, capacity=100))
    large = replace(large, relay=replace(large.relay, capacity=300))
    taken = census.take(fleets.a_fleet(fleets.a_region("r", small, large)))
    assert taken.supplies["r"].load == pytest.approx(0.3)


def test_behind_regions_whose_relays_flap_are_those_that_are_full() -> None:
    flapping = fleets.a_member("near-1", of="near", reason=fleet.Reason.DAMPED)
    regions = (fleets.a_region("near", flapping, at=NEAR), well("full", NEAR, load=0.97))
    assert order(rank(*regions, well("farthest", FARTHEST))) == ["farthest", "near", "full"]


def test_one_relay_that_claims_any_load_counts_as_full_and_no_more() -> None:
    nonsense = fleets.a_member("a", load=1000.0)
    others = (fleets.a_member(name, load=0.1) for name in "bcd")
    taken = census.take(fleets.a_fleet(fleets.a_region("r", nonsense, *others)))
    assert taken.supplies["r"].load == pytest.approx((1 + 0.3) / 4)


def test_regions_at_one_place_share_their_clients_by_weight() -> None:
    shares = [
        lead.share for lead in rank(well("a", NEAR, weight=100), well("b", NEAR, weight=50)).leads
    ]
    assert shares == pytest.approx([2 / 3, 1 / 3])


def test_no_weight_but_zero_moves_a_client_who_is_not_indifferent() -> None:
    assert order(rank(well("near", NEAR, weight=1), well("far", FAR, weight=1000)))[0] == "near"
    ranked = rank(well("near", NEAR, weight=0), well("far", FAR))
    assert order(ranked) == ["far"]
    assert reasons(ranked) == {("near", None): fleet.Reason.WEIGHT_ZERO}


def test_a_client_shares_out_only_among_regions_it_cannot_tell_apart() -> None:
    nearby = (50.11, 10.0)
    ranked = rank(well("a", NEAR), well("b", nearby), well("c", FAR))
    assert [round(lead.share, 2) for lead in ranked.leads] == [0.67, 0.33]


def test_regions_outside_the_residency_are_never_ranked() -> None:
    ranked = rank(well("de", NEAR, residency="eu"), well("fr", NEAR), residency="eu")
    assert order(ranked) == ["de"]
    assert reasons(ranked) == {("fr", None): fleet.Reason.OTHER_RESIDENCY}


def test_a_pinned_region_goes_first_and_alone() -> None:
    ranked = rank(well("near", NEAR), well("far", FAR), pin="far")
    assert order(ranked) == ["far", "near"]
    assert len(ranked.leads) == 1
    assert ranked.notes == ()


def test_a_pinned_region_that_is_down_gives_way_to_the_nearest_and_says_so() -> None:
    down = fleets.a_region("far", fleets.a_member("far-1", state=contract.State.DRAINING), at=FAR)
    ranked = rank(well("near", NEAR), well("farthest", FARTHEST), down, pin="far")
    assert order(ranked) == ["near", "farthest"]
    assert ranked.notes == (fleet.Reason.PINNED_REGION_DOWN,)
    assert reasons(ranked)["far", None] is fleet.Reason.NO_USABLE_RELAY
    assert reasons(ranked)["far", "far-1"] is fleet.Reason.DRAINING


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (fleets.a_region("r"), fleet.Reason.NO_RELAYS),
        (fleets.a_region("r", fleets.a_member("r-1"), secret=None), fleet.Reason.NO_SECRET),
        (fleets.a_region("r", fleets.a_member("r-1"), weight=0), fleet.Reason.WEIGHT_ZERO),
        (
            fleets.a_region("r", fleets.a_member("r-1", state=contract.State.CLOSED)),
            fleet.Reason.NO_USABLE_RELAY,
        ),
    ],
)
def test_a_region_that_takes_nobody_has_a_reason(found: fleet.Region, reason: fleet.Reason) -> None:
    ranked = rank(found)
    assert ranked.leads == ()
    assert reasons(ranked)["r", None] is reason


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (fleets.a_member("r", state=contract.State.STARTING), fleet.Reason.STARTING),
        (fleets.a_member("r", state=contract.State.CLOSED), fleet.Reason.CLOSED),
        (
            fleets.a_member("r", state=contract.State.CLOSED, reason=fleet.Reason.FULL),
            fleet.Reason.FULL,
        ),
        (fleets.a_member("r", state=contract.State.DRAINING), fleet.Reason.DRAINING),
        (fleets.a_member("r", state=contract.State.UNREACHABLE), fleet.Reason.UNREACHABLE),
        (fleets.a_member("r", reason=fleet.Reason.FULL), fleet.Reason.FULL),
        (fleets.a_member("r", working=()), fleet.Reason.UNPROVEN),
        (fleets.a_member("r", addresses=()), fleet.Reason.STARTING),
        (
            fleets.a_member(
                "r", listeners=region.Listeners(udp=3478), working=[region.Transport.TLS]
            ),
            fleet.Reason.UNPROVEN,
        ),
        (fleets.a_member("r", silent=["203.0.113.7"]), fleet.Reason.UNREACHABLE),
        (fleets.a_member("r", addresses=["203.0.113.7", "::7"], silent=["::7"]), None),
        (fleets.a_member("r"), None),
        (fleets.a_member("r", addresses=(), hostname="r.example.com"), None),
    ],
)
def test_a_relay_that_cannot_be_offered_has_a_reason(
    member: fleet.Member, reason: fleet.Reason | None
) -> None:
    assert census.unusable(member) is reason


def test_a_census_of_a_changed_fleet_is_the_same_with_and_without_the_last_one() -> None:
    first = fleets.a_fleet(well("a", NEAR, load=0.2), well("b", FAR))
    second = fleets.a_fleet(well("a", NEAR, load=0.9), well("c", FAR))
    before = census.take(first)
    known, fresh = census.take(second, before=before), census.take(second)
    assert known.excluded == fresh.excluded
    assert known.supplies["a"].pressures == fresh.supplies["a"].pressures
    assert known.supplies["a"].table is before.supplies["a"].table


def test_another_limit_of_a_region_is_another_share_of_relays_that_have_none_of_their_own() -> None:
    one, other = fleets.a_member("a"), fleets.a_member("b")
    one = replace(one, relay=replace(one.relay, capacity=100))
    here = fleets.a_region("r", one, other)
    limits = replace(here.spec.limits, allocations_per_relay=100)
    narrower = replace(here, spec=replace(here.spec, limits=limits))
    before = census.take(fleets.a_fleet(here))
    table = census.take(fleets.a_fleet(narrower), before=before).supplies["r"].table
    assert [seat.capacity for seat in table.seats] == [100, 100]


def test_a_mark_is_kept_while_only_the_load_changes() -> None:
    region_a = well("a", NEAR, load=0.2)
    before = census.take(fleets.a_fleet(region_a))
    busier = census.take(fleets.a_fleet(well("a", NEAR, load=0.9)), before=before)
    shut = replace(region_a, secret=fleet.Secret(b"rotated"))
    rotated = census.take(fleets.a_fleet(shut), before=before)
    assert busier.supplies["a"].marks == before.supplies["a"].marks
    assert rotated.supplies["a"].marks[0] != before.supplies["a"].marks[0]


@dataclass(frozen=True)
class Measured:
    """What was measured of regions, and what had been expected; each as RTT and deviation."""

    found: Mapping[str, tuple[float, float]]
    expected: Mapping[str, float]
    explores: bool = True

    def prior(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        return estimate.Estimate(rtt=self.expected[spec.name], deviation=10.0)

    def estimate(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        rtt, deviation = self.found[spec.name]
        return estimate.Estimate(rtt=rtt, deviation=deviation)

    __hash__ = object.__hash__


FOUND = {"a": (50.0, 1.0), "b": (80.0, 1.0), "c": (90.0, 30.0), "d": (95.0, 1.0), "e": (99.0, 1.0),
         "f": (150.0, 1.0), "g": (300.0, 200.0)}  # fmt: skip
AS_FOUND = {name: rtt for name, (rtt, _) in FOUND.items()}


def rank_measured(
    view: Measured, *, stay: dwelling.Stay | None = None, turn: int = 0, relays: int = 2
) -> ranking.Ranking:
    regions = [well(name, NEAR, relays=relays) for name in view.found]
    return ranking.rank(
        census.take(fleets.a_fleet(*regions)),
        view=view,
        pin=None,
        residency=None,
        stay=stay,
        turn=turn,
    )


def fallback(ranked: ranking.Ranking, slot: int) -> str:
    return choosing.choose(ranked, slot)[-1].region.spec.name


def test_the_fallback_is_one_that_may_be_the_best_of_the_next_few() -> None:
    ranked = rank_measured(Measured(FOUND, AS_FOUND))
    assert ranked.explored
    assert {fallback(ranked, slot) for slot in range(8)} == {"c"}


def test_where_nobody_measures_the_fallback_is_the_next_best() -> None:
    ranked = rank_measured(Measured(FOUND, AS_FOUND, explores=False))
    assert not ranked.explored
    assert {fallback(ranked, slot) for slot in range(8)} == {"b"}


def test_a_region_that_borrows_its_backup_of_the_next_has_a_fallback_behind_that() -> None:
    ranked = rank_measured(Measured(FOUND, AS_FOUND, explores=False), relays=1)
    assert not ranked.explored
    assert {fallback(ranked, slot) for slot in range(8)} == {"c"}
    teaching = {**FOUND, "c": (90.0, 1.0), "d": (95.0, 40.0)}
    ranked = rank_measured(Measured(teaching, AS_FOUND), relays=1)
    assert ranked.explored
    assert {fallback(ranked, slot) for slot in range(8)} == {"d"}


def test_one_slot_in_four_looks_again_at_a_region_that_ought_to_be_better() -> None:
    view = Measured(FOUND, {**AS_FOUND, "f": 30.0})
    for turn in range(ranking.AGAIN):
        ranked = rank_measured(view, turn=turn)
        looks = [slot for slot in range(16) if fallback(ranked, slot) == "f"]
        assert looks == list(range(turn, 16, ranking.AGAIN))


def test_nobody_looks_again_at_a_region_that_was_never_expected_to_be_better() -> None:
    ranked = rank_measured(Measured(FOUND, {**AS_FOUND, "f": 60.0}))
    assert ranked.again == ranked.fallbacks


@pytest.mark.parametrize("every", [3600, 86400, 7 * 86400])
def test_who_asks_every_hour_day_or_week_has_a_turn_within_five_answers(every: int) -> None:
    for start in range(1_800_000_000, 1_800_000_000 + 86400, 600):
        turns = {ranking.turn_at(start + every * number) for number in range(5)}
        assert turns == set(range(ranking.AGAIN))


def test_a_client_stays_where_it_is_until_another_region_is_better_by_more_than_chance() -> None:
    near = {"a": (50.0, 10.0), "b": (53.0, 10.0), "c": (90.0, 10.0)}
    expected = {"a": 50.0, "b": 53.0, "c": 90.0}
    for held, first in (("b", "b"), ("c", "a"), ("a", "a"), ("gone", "a")):
        stay = dwelling.Stay(held, dwelling=False)
        assert order(rank_measured(Measured(near, expected), stay=stay))[0] == first
    dwells = dwelling.Stay("c", dwelling=True)
    far = {**near, "c": (78.0, 10.0)}
    assert order(rank_measured(Measured(far, expected), stay=dwells))[0] == "c"


def test_a_region_that_is_held_shares_its_users_with_those_as_good_and_no_others() -> None:
    near = {"a": (50.0, 30.0), "b": (53.0, 30.0), "c": (35.0, 30.0)}
    view = Measured(near, {"a": 50.0, "b": 53.0, "c": 35.0})
    ranked = rank_measured(view, stay=dwelling.Stay("b", dwelling=False))
    shared = {order(ranked)[lead.position]: lead.share for lead in ranked.leads}
    assert shared == {"b": pytest.approx(0.5), "a": pytest.approx(0.5)}
