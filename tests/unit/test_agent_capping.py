"""When a relay carries as much as it may."""

from turnrelay import capping


def looks(cap: capping.Cap, *bits: float, allowed: int = 1000) -> capping.Cap:
    for each in bits:
        cap = cap.after(each, allowed=allowed)
    return cap


def test_traffic_at_the_cap_fills_the_relay_and_a_burst_does_not() -> None:
    assert not looks(capping.Cap(), *[900] * 20, 1500).reached
    assert looks(capping.Cap(), *[1100] * 40).reached


def test_a_full_relay_opens_only_when_there_is_room_again() -> None:
    full = looks(capping.Cap(), *[1100] * 40)
    assert looks(full, *[950] * 100).reached
    assert not looks(full, *[850] * 100).reached


def test_without_a_cap_or_a_measure_nothing_is_full() -> None:
    full = looks(capping.Cap(), *[1100] * 40)
    assert full.after(None, allowed=1000) == capping.Cap()
    assert full.after(5000.0, allowed=None) == capping.Cap()


def test_a_raised_cap_opens_at_once() -> None:
    full = looks(capping.Cap(), *[1100] * 40)
    assert not full.after(1100.0, allowed=2000).reached
