"""Rights from inside: the tokens that the running programs have, and what they get with them."""

import json
from typing import Final

import pytest
from tests.e2e.cluster import cluster, commands, steps
from tests.support import cluster_fleet, cluster_regions, entitlements, trying

_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_TABLE: Final = entitlements.Table(
    home=cluster_fleet.NAMESPACE, relays=cluster_fleet.RELAYS, elsewhere="kube-system"
)


@pytest.mark.parametrize("program", [entitlements.OPERATOR, entitlements.API])
@pytest.mark.usefixtures("central")  # endpoints are ready once there is a relay
def test_the_token_in_a_pod_does_what_the_table_says_for_the(
    program: str, kubernetes: cluster.Cluster, fleet: cluster_fleet.Fleet, told: steps.Steps
) -> None:
    fleet.await_programs()
    found = _inside(kubernetes, f"deployment/{program}", cluster_fleet.NAMESPACE, "cat", _TOKEN)
    account = _with_token(kubernetes, found.strip())
    allowed, forbidden = [tuple(of(program)) for of in (_TABLE.allowed, _TABLE.forbidden)]
    assert [str(act) for act in allowed if not account.may(act)] == []
    assert [str(act) for act in forbidden if account.may(act)] == []
    told.measured(f"{len(allowed)} calls allowed, {len(forbidden)} forbidden")
    assert [str(act) for act in allowed if not account.is_told(act)] == []
    assert [str(act) for act in forbidden if account.is_told(act)] == []


def test_a_relay_has_no_token_and_its_account_no_rights(
    kubernetes: cluster.Cluster, fleet: cluster_fleet.Fleet, central: cluster_regions.Region
) -> None:
    pod = fleet.pods(central.name)[0]
    assert not any("projected" in volume for volume in pod["spec"]["volumes"])
    with pytest.raises(commands.Failed, match="No such file"):
        _inside(kubernetes, f"pod/{pod['metadata']['name']}", cluster_fleet.RELAYS, "cat", _TOKEN)
    name = pod["spec"]["serviceAccountName"]
    token = kubernetes.kubectl.run(
        "create", "token", name, f"--namespace={cluster_fleet.RELAYS}"
    ).strip()
    account = _with_token(kubernetes, token)
    tried = tuple(act for each in entitlements.ACCOUNTS for act in _TABLE.allowed(each))
    assert [str(act) for act in tried if account.may(act)] == []


def _with_token(kubernetes: cluster.Cluster, token: str) -> trying.Account:
    about = json.loads(kubernetes.kubeconfig.read_text())["clusters"][0]["cluster"]
    return trying.Account(
        server=about["server"], authority=about["certificate-authority"], token=token
    )


def _inside(kubernetes: cluster.Cluster, what: str, namespace: str, *command: str) -> str:
    return kubernetes.kubectl.run("exec", what, f"--namespace={namespace}", "--", *command)
