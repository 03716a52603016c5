"""turnserver.conf and the command line, from a configuration and what the coturn found can do.

Pure. Secrets, quotas and a region's own peer rules are not here: they live in the database, where
they change without a restart, and this file stays free of anything worth stealing.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from turnrelay import config, features, placing, ranges

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"
"""Forward secrecy and AEAD only; every browser since 2014 has one of them (TLS 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where coturn finds its files; all in the agent's state folder."""

    configuration: PurePath
    database: PurePath
    pid: PurePath
    certificate: PurePath
    key: PurePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """Everything that turnserver.conf depends on."""

    settings: config.Config
    placing: placing.Placing
    features: features.Features
    files: Files
    threads: int
    """Relay threads; coturn's default is the host's CPU count, whatever the container may use."""


def argv(*, turnserver: str, setpriv: str | None, files: Files) -> tuple[str, ...]:
    """Return the command line. ``setpriv`` makes the kernel end coturn when the agent dies."""
    guard = () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
    return (*guard, turnserver, "-c", str(files.configuration))


def text(rendering: Rendering) -> str:
    """Return the content of turnserver.conf."""
    sections = (
        _identity(rendering),
        _addresses(rendering),
        _listeners(rendering),
        _hardening(rendering.features),
        _peers(rendering),
    )
    return "\n".join(line for section in sections for line in (*section, "")).rstrip() + "\n"


def _identity(rendering: Rendering) -> Iterator[str]:
    yield f"realm={rendering.settings.realm}"
    yield "use-auth-secret"
    yield f"userdb={rendering.files.database}"
    yield f"pidfile={rendering.files.pid}"
    yield "log-file=stdout"
    yield f"relay-threads={rendering.threads}"


def _addresses(rendering: Rendering) -> Iterator[str]:
    own = rendering.placing.bind
    for address in own:
        yield f"listening-ip={address}"
    for address in own:
        yield f"relay-ip={address}"
    yield from _external(rendering.placing)
    yield f"min-port={rendering.settings.relay_ports.min}"
    yield f"max-port={rendering.settings.relay_ports.max}"
    if rendering.settings.families == {6}:
        yield "allocation-default-address-family=ipv6"


def _external(placed: placing.Placing) -> Iterator[str]:
    """Map own to public addresses where they differ.

    ``external-ip=PUBLIC/OWN`` also allows OWN as a peer, and allow beats deny: clients could then
    send to the node itself. The form without OWN does not, but serves one address only.
    """
    pairs = tuple(zip(placed.public, placed.bind, strict=True))
    if len(pairs) == 1:
        yield from (f"external-ip={public}" for public, own in pairs if public != own)
    else:
        yield from (f"external-ip={public}/{own}" for public, own in pairs if public != own)


def _listeners(rendering: Rendering) -> Iterator[str]:
    listeners = rendering.settings.listeners
    plain = [port for port in (listeners.udp, listeners.tcp) if port is not None]
    if plain:
        yield f"listening-port={plain[0]}"
    else:
        # Nothing listens there, but the default, 3478, would still be claimed in the log.
        yield f"listening-port={listeners.tls}"
    if len(set(plain)) > 1:
        for address in rendering.placing.bind:
            shown = f"[{address}]" if ":" in address else address
            yield f"aux-server={shown}:{listeners.tcp}"
    if listeners.udp is None:
        yield "no-udp"
    if listeners.tcp is None:
        yield "no-tcp"
    if rendering.features.needs_no_dtls:
        yield "no-dtls"
    if listeners.tls is None:
        yield "no-tls"
    else:
        yield f"tls-listening-port={listeners.tls}"
        yield f"cert={rendering.files.certificate}"
        yield f"pkey={rendering.files.key}"
        yield f"cipher-list={CIPHERS}"


def _hardening(abilities: features.Features) -> Iterator[str]:
    yield "fingerprint"
    yield "no-tcp-relay"
    yield "no-multicast-peers"
    if abilities.needs_no_cli:
        yield "no-cli"
    if abilities.needs_legacy_hardening:
        yield "no-software-attribute"
        yield "no-tlsv1"
        yield "no-tlsv1_1"
        yield "no-rfc5780"
        yield "no-stun-backward-compatibility"


def _peers(rendering: Rendering) -> Iterator[str]:
    # coturn falls back to these for the instant in which it reads the database again.
    yield f"user-quota={rendering.settings.live.allocations_per_user}"
    yield f"total-quota={rendering.settings.live.allocations_per_relay}"
    if any(ipaddress.ip_address(address).is_loopback for address in rendering.placing.bind):
        yield "allow-loopback-peers"
    for network in ranges.built_in():
        for denied in ranges.render(network):
            yield f"denied-peer-ip={denied}"
