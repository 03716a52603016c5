"""From a TurnRegion manifest to a RegionSpec: which fields there are, their bounds, their rules.

Total: any Python object gives a RegionSpec or every problem. The schema in ``crds/`` accepts and
refuses the same manifests, and a differential test keeps the two together. Bounds may be loosened
later, never tightened: what a cluster has accepted must stay valid.
"""

from turnfleet import names
from turnfleet.model import reach, reading, region, syntax, workload

_RELAY_PORTS_LEAST = 100


def parse(document: object) -> region.RegionSpec | tuple[region.Problem, ...]:
    """Return the region that a manifest declares, or every reason why it declares none."""
    report = reading.Report()
    spec = _document(document, reading.Place(path="", report=report))
    return tuple(report.problems) or spec


def unknown_fields(document: object) -> tuple[str, ...]:
    """Return the paths of fields that nothing reads: misspelt, or of a newer version.

    They are no problem: the API server drops them, and ``parse`` ignores them.
    """
    report = reading.Report()
    _document(document, reading.Place(path="", report=report))
    return report.unknown


def _document(value: object, place: reading.Place) -> region.RegionSpec:
    document = reading.Fields(value, place)
    document.required("apiVersion", reading.text(_exactly(names.API_VERSION)), "")
    if not document.required("kind", reading.text(_exactly(names.KIND)), ""):
        document.skip_rest()  # Another kind's fields would only be misread.
        return _NOWHERE
    document.skip("status")
    name = document.required("metadata", _metadata, "")
    return document.required("spec", _spec_of(name), _NOWHERE)


_NOWHERE = region.RegionSpec(name="", latitude=0, longitude=0, realm="")


def _exactly(word: str) -> syntax.Syntax:
    return syntax.Syntax(advice=word, longest=len(word), check=lambda text: text == word)


def _metadata(value: object, place: reading.Place) -> str:
    metadata = reading.Fields(value, place)
    metadata.skip_rest()  # Labels, annotations and the rest are Kubernetes' own.
    return metadata.required("name", reading.text(syntax.NAME), "")


def _spec_of(name: str) -> reading.Reader[region.RegionSpec]:
    def read(value: object, place: reading.Place) -> region.RegionSpec:
        spec = reading.Fields(value, place)
        latitude, longitude = spec.required("location", _location, (0.0, 0.0))
        declared = region.RegionSpec(
            name=name,
            latitude=latitude,
            longitude=longitude,
            realm=spec.required("realm", reading.text(syntax.REALM), ""),
            weight=spec.defaulted("weight", reading.whole(0, 1000), 100),
            residency=spec.optional("residency", reading.text(syntax.NAME)),
            relays=spec.defaulted("relays", workload.relays, region.Relays()),
            listeners=spec.defaulted(
                "listeners", reach.listeners, region.Listeners(udp=3478, tcp=3478)
            ),
            relay_ports=spec.defaulted("relayPorts", _relay_ports, region.PortRange()),
            addresses=spec.defaulted("addresses", reach.addresses, region.Addresses()),
            auth=spec.defaulted("auth", _auth, region.Auth()),
            limits=spec.defaulted("limits", _limits, region.Limits()),
            peers=spec.defaulted("peers", _peers, region.Peers()),
            drain_timeout=spec.defaulted("drain", _drain, 3600),
            max_unavailable=spec.defaulted("rollout", _rollout, 1),
            agent_port=spec.defaulted("agent", _agent, 9641),
            external_relays=spec.defaulted(
                "externalRelays", reading.items(reach.external_relay, most=32), ()
            ),
        )
        _ports_are_apart(spec, declared)
        _names_are_unique(spec, declared)
        return declared

    return read


def _ports_are_apart(spec: reading.Fields, declared: region.RegionSpec) -> None:
    relayed = declared.relay_ports
    for transport in region.Transport:
        port = declared.listeners.port(transport)
        spec.rule(
            given=("listeners", "relayPorts"),
            holds=port is None or not relayed.min <= port <= relayed.max,
            at="relayPorts",
            sentence=f"the {transport} listener's port {port} lies in {relayed.min} to"
            f" {relayed.max}, where an allocation could take it; move one of the two",
        )
    spec.rule(
        given=("agent", "relayPorts"),
        holds=not relayed.min <= declared.agent_port <= relayed.max,
        at="relayPorts",
        sentence=f"the agent's port {declared.agent_port} lies in {relayed.min} to {relayed.max},"
        " where an allocation could take it; move one of the two",
    )
    spec.rule(
        given=("agent", "listeners"),
        holds=declared.agent_port not in (declared.listeners.tcp, declared.listeners.tls),
        at="agent.port",
        sentence=f"a listener already uses TCP port {declared.agent_port}; choose another one",
    )


def _names_are_unique(spec: reading.Fields, declared: region.RegionSpec) -> None:
    taken = [relay.name for relay in declared.external_relays]
    spec.rule(
        given=("externalRelays",),
        holds=len(set(taken)) == len(taken),
        at="externalRelays",
        sentence="two of them have one name; give each its own",
    )


def _location(value: object, place: reading.Place) -> tuple[float, float]:
    location = reading.Fields(value, place)
    return (
        location.required("latitude", reading.real(-90, 90), 0.0),
        location.required("longitude", reading.real(-180, 180), 0.0),
    )


def _relay_ports(value: object, place: reading.Place) -> region.PortRange:
    ports = reading.Fields(value, place)
    declared = region.PortRange(
        min=ports.required("min", reading.whole(1024, 65535), 49152),
        max=ports.required("max", reading.whole(1024, 65535), 65535),
    )
    ports.rule(
        given=("min", "max"),
        holds=declared.max - declared.min + 1 >= _RELAY_PORTS_LEAST,
        at="max",
        sentence=f"write at least min + {_RELAY_PORTS_LEAST - 1}: every allocation takes a port",
    )
    return declared


def _auth(value: object, place: reading.Place) -> region.Auth:
    auth = reading.Fields(value, place)
    defaults = region.Auth()
    declared = region.Auth(
        rotate_every=auth.defaulted(
            "rotateEvery", reading.seconds("2m", "8760h"), defaults.rotate_every
        ),
        credential_ttl=auth.defaulted(
            "credentialTTL", reading.seconds("1m", "24h"), defaults.credential_ttl
        ),
        secret_name=auth.optional("secretName", reading.text(syntax.SECRET_NAME)),
    )
    auth.rule(
        given=("rotateEvery", "credentialTTL"),
        holds=2 * declared.credential_ttl <= declared.rotate_every,
        at="rotateEvery",
        sentence="write at least twice credentialTTL (1h unless written), so that no credential"
        " outlives both secrets",
    )
    return declared


def _limits(value: object, place: reading.Place) -> region.Limits:
    limits = reading.Fields(value, place)
    return region.Limits(
        allocations_per_user=limits.defaulted("allocationsPerUser", reading.whole(1, 10_000), 100),
        allocations_per_relay=limits.defaulted(
            "allocationsPerRelay", reading.whole(1, 100_000), 10_000
        ),
        bandwidth_per_relay=limits.optional(
            "bandwidthPerRelay", reading.whole(1_000_000, 1_000_000_000_000)
        ),
        bandwidth_per_allocation=limits.optional(
            "bandwidthPerAllocation", reading.whole(64_000, 10_000_000_000)
        ),
    )


def _peers(value: object, place: reading.Place) -> region.Peers:
    peers = reading.Fields(value, place)
    return region.Peers(
        deny=peers.defaulted("deny", reading.unique(reading.text(syntax.NETWORK), most=64), ()),
        allow=peers.defaulted(
            "allow", reading.unique(reading.text(syntax.NARROW_NETWORK), most=64), ()
        ),
    )


def _drain(value: object, place: reading.Place) -> int:
    drain = reading.Fields(value, place)
    return drain.defaulted("timeout", reading.seconds("1s", "24h"), 3600)


def _rollout(value: object, place: reading.Place) -> int:
    return reading.Fields(value, place).defaulted("maxUnavailable", reading.whole(1, 100), 1)


def _agent(value: object, place: reading.Place) -> int:
    return reading.Fields(value, place).defaulted("port", reading.whole(1024, 65535), 9641)
