"""Times become round trips: by transport, by comparison, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import convert, report
from turnfleet.model import region

UDP, TCP, TLS = region.Transport.UDP, region.Transport.TCP, region.Transport.TLS
PRIOR = {"near": 40.0, "far": 120.0}


def times(**ms: float) -> list[report.Time]:
    return [report.Time(url=url, ms=value) for url, value in ms.items()]


def route(name: str, transport: region.Transport, *, named: bool = False) -> convert.Route:
    return convert.Route(region=name, transport=transport, named=named)


ROUTES = {
    "near_udp": route("near", UDP),
    "near_udp_2": route("near", UDP),
    "near_tcp": route("near", TCP),
    "near_tls": route("near", TLS),
    "far_udp": route("far", UDP),
    "far_tcp": route("far", TCP),
    "far_tls": route("far", TLS),
    "name_udp": route("near", UDP, named=True),
}


def round_trips(*given_times: report.Time, **ms: float) -> dict[str, float]:
    all_times = [*given_times, *times(**ms)]
    return dict(convert.convert(all_times, routes=ROUTES, prior=PRIOR, estimates=PRIOR).round_trips)


def test_a_candidate_takes_two_round_trips_by_udp_and_three_by_tcp() -> None:
    assert round_trips(near_udp=80, far_udp=220) == {"near": 40, "far": 110}
    assert round_trips(near_tcp=120) == {"near": 40}
    assert round_trips(near_tls=180) == {"near": 40}


@pytest.mark.parametrize("trips", [4, 5])
def test_which_tls_version_it_was_does_not_matter_where_both_regions_have_tls(trips: int) -> None:
    found = round_trips(near_udp=80, near_tls=40 * trips, far_tls=110 * trips)
    assert found == pytest.approx({"near": 40, "far": 110})


@given(slow=st.floats(0.7, 2.0))
def test_how_slow_a_client_is_with_tls_cancels(slow: float) -> None:
    found = round_trips(near_udp=80, near_tls=180 * slow, far_tls=495 * slow)
    assert found["far"] == pytest.approx(110)


def test_the_fastest_of_a_regions_relays_counts() -> None:
    assert round_trips(near_udp=96, near_udp_2=80) == {"near": 40}


def test_a_name_counts_only_once_it_was_resolved() -> None:
    cold, warm, unsaid = (
        report.Time(url="name_udp", ms=80, cold=said) for said in (True, False, None)
    )
    assert round_trips(cold) == round_trips(unsaid) == {}
    assert round_trips(warm) == {"near": 40}


def test_urls_that_were_not_offered_and_regions_nobody_expects_say_nothing() -> None:
    assert round_trips(elsewhere=80) == {}
    assert not convert.convert(
        times(near_udp=80), routes=ROUTES, prior={}, estimates={}
    ).round_trips


@pytest.mark.parametrize(
    ("expected", "rtt", "believed"),
    [
        (40, 7.9, False),
        (40, 8, True),
        (40, 250, True),
        (40, 251, False),
        (120, 23, False),
        (120, 600, True),
        (120, 601, False),
    ],
)
def test_what_is_far_from_the_prior_is_refused(
    expected: float, rtt: float, *, believed: bool
) -> None:
    assert convert.credible(rtt, expected, expected) is believed
    prior = {"near": expected}
    found = convert.convert(times(near_udp=2 * rtt), routes=ROUTES, prior=prior, estimates=prior)
    assert (len(found.round_trips), found.refused) == (believed, not believed)


def test_who_has_learned_that_the_prior_is_bad_learns_how_bad() -> None:
    assert not convert.credible(280, 38, 38)
    assert convert.credible(280, 38, 140)
    assert not convert.credible(1300, 38, 5000)
    assert not convert.credible(7, 38, 10)


@given(
    st.lists(
        st.builds(
            report.Time,
            url=st.sampled_from([*ROUTES, "other"]),
            ms=st.floats(0, report.MS_MAX),
            cold=st.sampled_from([None, True, False]),
        ),
        max_size=16,
    )
)
def test_nothing_unbelievable_comes_of_any_times(told: list[report.Time]) -> None:
    found = convert.convert(told, routes=ROUTES, prior=PRIOR, estimates=PRIOR)
    assert all(
        convert.credible(rtt, PRIOR[name], PRIOR[name]) for name, rtt in found.round_trips.items()
    )
