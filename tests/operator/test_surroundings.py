from turnfleet.handlers import surroundings
from turnfleet.kube import reading
from turnfleet.plan.cluster import observed

_EU, _US, _AP = (reading.RegionKey("relays", name) for name in ("eu", "us", "ap"))


def _identity(namespace: str, *, created: float, deleting: bool = False) -> observed.Identity:
    return observed.Identity(
        namespace=namespace, name="eu", uid="u", generation=1, created=created, deleting=deleting
    )


def test_the_oldest_region_has_the_name_until_it_goes() -> None:
    known = surroundings.Names()
    known.put(_identity("young", created=2))
    known.put(_identity("old", created=1))
    young, old = reading.RegionKey("young", "eu"), reading.RegionKey("old", "eu")
    assert known.taken_by(young) == "old"
    assert known.taken_by(old) is None
    assert known.namesakes(old) == (young,)
    known.remove(old)
    assert known.taken_by(young) is None
    assert list(known) == ["eu"]


def test_a_region_that_is_being_deleted_leaves_its_name_to_the_next() -> None:
    known = surroundings.Names()
    known.put(_identity("young", created=2))
    known.put(_identity("old", created=1, deleting=True))
    young, old = reading.RegionKey("young", "eu"), reading.RegionKey("old", "eu")
    assert known.taken_by(young) is None, "endpoints go by it from now on"
    assert known.taken_by(old) is None
    assert known.namesakes(old) == (young,)


def test_one_region_rolls_at_a_time_and_who_waits_is_asked_again() -> None:
    turns = surroundings.Turns(most=1)
    assert turns.may_roll(_EU)
    assert turns.said(_EU, rolling=True) == ()
    assert not turns.may_roll(_US)
    assert not turns.may_roll(_AP)
    assert turns.may_roll(_EU), "whose turn it is goes on"
    assert set(turns.said(_EU, rolling=False)) == {_US, _AP}
    assert turns.may_roll(_US)


def test_a_region_that_is_deleted_frees_its_turn() -> None:
    turns = surroundings.Turns(most=1)
    turns.said(_EU, rolling=True)
    assert not turns.may_roll(_US)
    assert turns.forget(_EU) == (_US,)


def test_the_fleet_hears_only_of_addresses_that_are_new_or_gone() -> None:
    known = surroundings.Addresses()
    assert known.said(_EU, ["192.0.2.1"]) == {"192.0.2.1"}
    assert known.said(_EU, ["192.0.2.1"]) == frozenset()
    assert known.said(_US, ["192.0.2.1"]) == frozenset(), "an anycast address is known already"
    assert known.said(_EU, []) == frozenset()
    assert known.said(_US, []) == {"192.0.2.1"}
    assert known.all == frozenset()


def test_public_addresses_concern_nobody_unless_the_cluster_denies_them() -> None:
    assert not surroundings.concerns_peers(["8.8.8.8"], [])
    assert surroundings.concerns_peers(["10.0.0.1"], [])
    assert surroundings.concerns_peers(["8.8.8.8"], ["8.0.0.0/8"])


def _refuges(**taking: bool) -> surroundings.Refuges:
    known = surroundings.Refuges()
    for name, takes in taking.items():
        key = reading.RegionKey("relays", name)
        known.put(key, residency="europe" if name == "eu" else "", taking=takes)
    return known


def test_clients_of_a_region_find_a_refuge_in_any_other_that_takes_clients() -> None:
    known = _refuges(us=True, ap=True)
    assert known.has(_US)
    known.said(_AP, taking=False)
    assert not known.has(_US), "a region is no refuge of its own"


def test_pinned_clients_find_a_refuge_in_their_own_group_only() -> None:
    known = _refuges(eu=True, us=True)
    assert not known.has(_EU)
    assert known.has(_US), "who is not pinned may go to a region of any group"
    known.put(_AP, residency="europe", taking=True)
    assert known.has(_EU)


def test_who_waits_for_a_refuge_is_asked_again_when_there_is_one() -> None:
    known = _refuges(us=True, ap=False)
    assert not known.has(_US)
    assert known.said(_US, taking=True) == ()
    assert known.said(_AP, taking=True) == (_US,)
    assert known.said(_AP, taking=True) == (), "which is no news"
    assert known.has(_US)
    known.forget(_AP)
    assert not known.has(_US)


def test_what_a_region_takes_is_its_own_to_say_once_it_was_looked_at() -> None:
    known = _refuges(us=True, ap=True)
    known.said(_AP, taking=False)
    known.put(_AP, residency="", taking=True)
    assert not known.has(_US)
