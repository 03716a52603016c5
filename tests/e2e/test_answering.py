"""From nothing to the first answer: helm install, kubectl apply of one region, a working call."""

from tests.e2e.cluster import kubectl
from tests.support import cluster_asking, cluster_fleet, cluster_regions


async def test_one_applied_region_gives_answers_whose_every_url_works(
    back_end: cluster_asking.BackEnd, central: cluster_regions.Region
) -> None:
    for profile in ("balanced", "full", "tcp443"):
        offers = await back_end.ask(profile=profile)
        assert central.hosts(offers), profile
        assert await back_end.complaints(offers) == ()


def test_kubectl_get_shows_what_a_person_wants_to_know(
    fleet: cluster_fleet.Fleet, central: cluster_regions.Region
) -> None:
    kubectl.wait_until(
        lambda: fleet.condition(central.name, "Ready").status == "True", what="Ready in the status"
    )
    shown = fleet.kubernetes.kubectl.run("get", "tr", f"--namespace={cluster_fleet.RELAYS}")
    head, row = (line.split() for line in shown.splitlines())
    assert dict(zip(head[:4], row, strict=False)) == {
        "NAME": central.name,
        "READY": "True",
        "RELAYS": "2",
        "OF": "2",
    }
