"""What Helm refuses before anything is sent to a cluster, and the sentence that says why."""

from typing import Any

import pytest
from tests.support import charts

_REGION: dict[str, Any] = {
    "spec": {"location": {"latitude": 1, "longitude": 2}, "realm": "turn.example.com"}
}
_SENTENCES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"relayNamespaces": []},
        (
            "relayNamespaces is empty: give at least one namespace for regions, or set "
            "watchAllNamespaces."
        ),
    ),
    (
        {"relayNamespaces": [{"name": charts.NAMESPACE}]},
        (
            'relayNamespaces has the release namespace "fleet-programs": relays need a privileged '
            "namespace of their own, away from the API keys."
        ),
    ),
    (
        {"relayNamespaces": [{"name": "media"}, {"name": "media"}]},
        'relayNamespaces has "media" twice.',
    ),
    (
        {"relayNamespaces": [], "watchAllNamespaces": True, "regions": {"eu": _REGION}},
        (
            "regions.eu has no namespace, and relayNamespaces has none to put it in: set "
            "regions.eu.namespace."
        ),
    ),
    (
        {"regions": {"eu": {**_REGION, "namespace": "media"}}},
        'regions.eu.namespace "media" is not in relayNamespaces, so nothing would run it.',
    ),
    (
        {
            "regions": {"eu": {**_REGION, "namespace": charts.NAMESPACE}},
            "watchAllNamespaces": True,
        },
        (
            "regions.eu.namespace is the release namespace: relays need a privileged namespace of "
            "their own."
        ),
    ),
    (
        {"regions": {"eu": {"spec": {**_REGION["spec"], "relays": {"image": "evil/relay:1"}}}}},
        'regions.eu.spec.relays.image "evil/relay:1" matches nothing in relays.allowImages.',
    ),
    (
        {"relays": {"image": {"repository": "mirror.test/relay"}}},
        (
            'relays.image is "mirror.test/relay:0.1.0", which matches nothing in relays.allowImages'
            ": the operator would refuse every region."
        ),
    ),
    # A dot is a dot: a pattern is no regular expression.
    (
        {"relays": {"image": {"tag": "1x2"}, "allowImages": ["turnfleet/relay:1.2"]}},
        'relays.image is "turnfleet/relay:1x2", which matches nothing in relays.allowImages',
    ),
    (
        {"image": {"tag": "latest"}},
        'image.tag is "latest", which is another image tomorrow: give a version, or a digest.',
    ),
    (
        {"relays": {"image": {"tag": "latest"}}},
        (
            'relays.image.tag is "latest", which is another image tomorrow: give a version, or a '
            "digest."
        ),
    ),
    (
        {"guard": {"enabled": True, "listenerPorts": [3478, 50000]}},
        "the listener port 50000 lies in relay ports (49152 to 65535)",
    ),
    (
        {"relays": {"priorityClass": {"name": ""}}},
        "relays.priorityClass.create needs relays.priorityClass.name.",
    ),
    (
        {"relayNamespaces": [], "watchAllNamespaces": True, "guard": {"enabled": True}},
        "guard.enabled needs guard.namespace: relayNamespaces has none to put it in.",
    ),
    (
        {"guard": {"enabled": True, "namespace": charts.NAMESPACE}},
        (
            "guard.namespace is the release namespace: a guard needs a privileged namespace, as "
            "relays do."
        ),
    ),
    (
        {"guard": {"openPeers": ["10.7.0.0/16", "10.0.0.5/8"]}},
        (
            'guard.openPeers has "10.0.0.5/8", which is an address in a network: write 10.0.0.0/8 '
            "for the network, or 10.0.0.5/32 for the address alone."
        ),
    ),
    (
        {"relays": {"denyPeers": ["fd00::7/8"]}},
        (
            'relays.denyPeers has "fd00::7/8", which is an address in a network: write fd00::/8 '
            "for the network, or fd00::7/128 for the address alone."
        ),
    ),
    (
        {"regions": {"eu": {"spec": {**_REGION["spec"], "peers": {"allow": ["10.7.0.10"]}}}}},
        (
            'regions.eu.spec.peers.allow has "10.7.0.10", which is no network such as 10.0.0.0/8 '
            "or fd00::/8."
        ),
    ),
    (
        {"guard": {"relayPorts": {"min": 50000, "max": 49999}}},
        "guard.relayPorts.min is more than max.",
    ),
    (
        {"api": {"access": "open"}},
        (
            "api.access is open but api.origins is empty, so no page could read an answer: list "
            "the origins of your pages."
        ),
    ),
    (
        {"api": {"keys": {"generate": False}}},
        (
            "api.access is key but there is no key: set api.keys.generate, or give api.keys.hashes "
            "or api.keys.existingSecret."
        ),
    ),
    (
        {"api": {"keys": {"existingSecret": "x", "hashes": {"shop": f"sha256:{'0' * 64}"}}}},
        "api.keys has both existingSecret and hashes: put the hashes into that Secret, or drop it.",
    ),
    (
        {"api": {"keys": {"hashes": {"first": f"sha256:{'0' * 64}"}}}},
        (
            'api.keys.hashes has an entry "first", the name of the generated key: name it '
            "otherwise, or set api.keys.generate to false."
        ),
    ),
    (
        {"api": {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}}},
        "api.autoscaling.minReplicas is more than maxReplicas.",
    ),
    (
        {"api": {"ingress": {"enabled": True}}},
        "api.ingress.enabled needs api.ingress.hosts: without one it would answer for every name.",
    ),
    (
        {"api": {"httpRoute": {"enabled": True}}},
        "api.httpRoute.enabled needs api.httpRoute.parentRefs: no Gateway would take it.",
    ),
    (
        {"operator": {"podLabels": {"app.kubernetes.io/component": "mine"}}},
        "operator.podLabels may not set app.kubernetes.io/component, which the chart sets.",
    ),
)

_UNFIT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"replicas": 2}, "'replicas' not allowed"),
    ({"api": {"replica": 2}}, "'replica' not allowed"),
    ({"api": {"access": "local"}}, "/api/access"),
    ({"api": {"origins": ["https://app.example.com/"]}}, "/api/origins/0"),
    ({"api": {"trustedProxies": ["10.0.0.0"]}}, "/api/trustedProxies/0"),
    ({"api": {"keys": {"hashes": {"shop": "plain-text-key"}}}}, "/api/keys/hashes/shop"),
    ({"api": {"geo": {"volume": {"hostPath": {"path": "/geo"}}}}}, "/api/geo/volume"),
    ({"api": {"defaultPlace": "Frankfurt"}}, "/api/defaultPlace"),
    ({"api": {"podDisruptionBudget": {"maxUnavailable": 0}}}, "/api/podDisruptionBudget"),
    ({"operator": {"resources": {"limit": {}}}}, "/operator/resources"),
    ({"relays": {"allowImages": []}}, "/relays/allowImages"),
    ({"relays": {"denyPeers": ["everything"]}}, "/relays/denyPeers/0"),
    ({"guard": {"relayPorts": {"min": 49152, "max": 65536}}}, "/guard/relayPorts/max"),
    ({"guard": {"openPeers": ["10.7.0.10"]}}, "/guard/openPeers/0"),
    ({"relayNamespaces": [{"name": "Media"}]}, "/relayNamespaces/0/name"),
    ({"regions": {"EU": _REGION}}, "/regions"),
    ({"regions": {"eu": {"spec": {"realm": "x"}}}}, "/regions/eu/spec"),
    ({"regions": {"eu": {"spec": {**_REGION["spec"], "weigth": 0}}}}, "'weigth' not allowed"),
    ({"image": {"digest": "sha256:1234"}}, "/image/digest"),
)


@pytest.mark.parametrize(("given", "sentence"), _SENTENCES, ids=lambda part: str(part)[:60])
def test_values_that_contradict_each_other_are_refused_with(
    chart: charts.Chart, given: dict[str, Any], sentence: str
) -> None:
    assert sentence in chart.refusal(given)


def test_all_that_is_wrong_is_told_at_once(chart: charts.Chart) -> None:
    told = chart.refusal({"image": {"tag": "latest"}, "api": {"access": "open"}})
    assert "image.tag is" in told
    assert "api.origins is empty" in told


@pytest.mark.parametrize(("given", "where"), _UNFIT, ids=lambda part: str(part)[:60])
def test_values_that_do_not_fit_are_refused_where_they_are(
    chart: charts.Chart, given: dict[str, Any], where: str
) -> None:
    told = chart.refusal(given)
    assert where in told or where.strip("/").replace("/", ".") in told


def test_a_chart_of_which_it_is_a_part_may_hand_down_globals(chart: charts.Chart) -> None:
    chart.rendered({"global": {"imageRegistry": "registry.example.com"}})
