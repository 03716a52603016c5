"""The part of a TurnRegion about how clients reach relays: listeners, addresses, external ones."""

from turnfleet.model import reading, region, syntax

_LOW_PORT_END = 1024
_CHROMIUM_LOW_PORTS = (80, 443)


def listeners(value: object, place: reading.Place) -> region.Listeners:
    """Read ``spec.listeners``."""
    fields = reading.Fields(value, place)
    tls = fields.optional("tls", _tls_listener)
    declared = region.Listeners(
        udp=fields.optional("udp", _listener),
        tcp=fields.optional("tcp", _listener),
        tls=tls[0] if tls else None,
        tls_secret_name=tls[1] if tls else None,
    )
    _listeners_are_apart(fields, declared)
    return declared


def _external_listeners(value: object, place: reading.Place) -> region.Listeners:
    fields = reading.Fields(value, place)
    declared = region.Listeners(
        udp=fields.optional("udp", _listener),
        tcp=fields.optional("tcp", _listener),
        tls=fields.optional("tls", _listener),
    )
    _listeners_are_apart(fields, declared)
    return declared


def _listeners_are_apart(fields: reading.Fields, declared: region.Listeners) -> None:
    fields.rule(
        given=("udp", "tcp", "tls"),
        holds=any(declared.port(transport) for transport in region.Transport),
        at="udp",
        sentence="what is not written is off: write at least one of udp, tcp and tls",
    )
    fields.rule(
        given=("tcp", "tls"),
        holds=declared.tcp is None or declared.tcp != declared.tls,
        at="tls.port",
        sentence=f"tcp already uses port {declared.tcp}; choose another one",
    )


def _listener(value: object, place: reading.Place) -> int:
    return reading.Fields(value, place).required("port", _client_port, 1)


def _tls_listener(value: object, place: reading.Place) -> tuple[int, str]:
    tls = reading.Fields(value, place)
    return (
        tls.required("port", _client_port, 1),
        tls.required("secretName", reading.text(syntax.SECRET_NAME), ""),
    )


def _client_port(value: object, place: reading.Place) -> int | None:
    port = reading.whole(1, 65535)(value, place)
    # Chromium drops TURN servers on other low ports (TurnPort::AllowedTurnPort), and 53 is DNS's.
    if port is not None and port < _LOW_PORT_END and port not in _CHROMIUM_LOW_PORTS:
        place.refuse(f"browsers refuse TURN on port {port}; use 80, 443 or 1024 to 65535")
        return None
    return port


def addresses(value: object, place: reading.Place) -> region.Addresses:
    """Read ``spec.addresses``."""
    fields = reading.Fields(value, place)
    defaults = region.Addresses()
    return region.Addresses(
        families=fields.defaulted(
            "families",
            reading.unique(reading.one_of(region.Family), least=1, most=2),
            defaults.families,
        ),
        sources=fields.defaulted(
            "from",
            reading.unique(reading.one_of(region.AddressSource), least=1, most=4),
            defaults.sources,
        ),
        hostname=fields.optional("hostname", reading.text(syntax.HOSTNAME_TEMPLATE)),
    )


def external_relay(value: object, place: reading.Place) -> region.ExternalRelay:
    """Read one item of ``spec.externalRelays``."""
    relay = reading.Fields(value, place)
    declared = region.ExternalRelay(
        name=relay.required("name", reading.text(syntax.NAME), ""),
        zone=relay.optional("zone", reading.text(syntax.LABEL_VALUE)),
        hostname=relay.optional("hostname", reading.text(syntax.HOSTNAME)),
        addresses=relay.defaulted(
            "addresses", reading.unique(reading.text(syntax.ADDRESS), most=2), ()
        ),
        listeners=relay.required("listeners", _external_listeners, region.Listeners()),
        secret_name=relay.required("secretName", reading.text(syntax.SECRET_NAME), ""),
        capacity=relay.optional("capacity", reading.whole(1, 1_000_000)),
        anycast=relay.defaulted("anycast", reading.flag, False),  # noqa: FBT003 - its default
    )
    relay.rule(
        given=("hostname", "addresses"),
        holds=declared.hostname is not None or bool(declared.addresses),
        at="addresses",
        sentence="clients could not reach it: write its hostname, its addresses, or both",
    )
    relay.rule(
        given=("addresses",),
        holds=len({":" in address for address in declared.addresses}) == len(declared.addresses),
        at="addresses",
        sentence="write one address of a family at most; declare a second relay for the other",
    )
    return declared
