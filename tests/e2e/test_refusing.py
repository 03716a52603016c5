"""Edits of a running region that make no sense: told so in a sentence, and its relays go on."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from tests.e2e.cluster import commands, steps
from tests.support import cluster_asking, cluster_fleet, cluster_regions, invalid_edits, turnregions


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An edit that only the operator sees through, and the condition that tells of it."""

    what: str
    path: turnregions.Path_
    to: object
    condition: str
    reason: str
    words: str


_HELD: Final = (
    Held(
        what="a secret that is not there",
        path=("auth", "secretName"),
        to="nowhere",
        condition="CredentialsInSync",
        reason="NamedSecretUnusable",
        words="nowhere",
    ),
    Held(
        what="an image that nobody allowed",
        path=("relays", "image"),
        to="example.com/their/relay:1",
        condition="Accepted",
        reason="ImageNotAllowed",
        words="not among the allowed images",
    ),
    Held(
        what="a certificate that is not there",
        path=("listeners", "tls", "secretName"),
        to="nowhere",
        condition="Progressing",
        reason="WaitingForCertificate",
        words="nowhere",
    ),
    Held(
        what="labels that no node has",
        path=("relays", "nodeSelector"),
        to={"turnfleet.io/none": "such"},
        condition="Progressing",
        reason="NoNodes",
        words="label a node",
    ),
    Held(
        what="more relays than there are nodes",
        path=("relays", "replicas"),
        to=4,
        condition="Progressing",
        reason="TooFewNodes",
        words="lower relays.replicas",
    ),
)


async def test_an_edit_that_breaks_a_rule_of_the_schema_is_refused_with_a_sentence(
    fleet: cluster_fleet.Fleet, central: cluster_regions.Region, told: steps.Steps
) -> None:
    assert invalid_edits.unbroken() == ()
    before, stored = fleet.instances(central), _spec(fleet, central)
    for edit in invalid_edits.EDITS:
        edited = edit.of({"spec": dict(central.spec)})
        with pytest.raises(commands.Failed) as refused:
            await asyncio.to_thread(fleet.apply, central.name, edited["spec"])
        assert edit.says in refused.value.words, edit
    told.measured(f"{len(invalid_edits.EDITS)} edits, one for each rule")
    assert _spec(fleet, central) == stored
    assert fleet.instances(central) == before


@pytest.mark.parametrize("edit", _HELD, ids=lambda edit: edit.what.replace(" ", "_"))
async def test_relays_go_on_through_an_edit_that_names(
    edit: Held,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
) -> None:
    before = fleet.instances(central)
    edited = turnregions.changed({"spec": dict(central.spec)}, ("spec", *edit.path), edit.to)
    async with cluster_asking.always(back_end, central.is_complete):
        fleet.apply(central.name, edited["spec"])
        told = await asyncio.to_thread(
            fleet.await_condition, central.name, edit.condition, edit.reason
        )
        assert told.status == "False"
        assert edit.words in told.message
        assert before <= fleet.instances(central)
        fleet.apply(central.name, central.spec)
        await asyncio.to_thread(fleet.await_settled, central.name)
    assert fleet.instances(central) == before


@pytest.fixture
def namesake(fleet: cluster_fleet.Fleet, central: cluster_regions.Region) -> Iterator[str]:
    """Give the namespace of a younger region of the same name."""
    fleet.apply(central.name, central.spec, namespace=cluster_fleet.OTHERS)
    yield cluster_fleet.OTHERS
    fleet.kubernetes.kubectl.delete("turnregion", central.name, namespace=cluster_fleet.OTHERS)


def test_a_region_whose_name_is_taken_is_held_and_takes_nothing(
    fleet: cluster_fleet.Fleet, central: cluster_regions.Region, namesake: str
) -> None:
    before = fleet.instances(central)
    told = fleet.await_condition(central.name, "Accepted", "NameTaken", namespace=namesake)
    assert (told.status, "give this one another name" in told.message) == ("False", True)
    found = fleet.kubernetes.kubectl.items("pods,replicasets,secrets", namespace=namesake)
    assert list(found) == []
    assert fleet.is_settled(central.name)
    assert fleet.instances(central) == before


def _spec(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> object:
    return (fleet.region(region.name) or {})["spec"]
