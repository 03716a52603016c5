"""turnserver.conf for two coturns, against goldens; features by version."""

import json
from pathlib import Path

import pytest
from tests.support import agents

from turnrelay import config, features, placing, rendering, state

GOLDENS = Path(__file__).parent.parent / "golden" / "turnserver"
DUAL = {"families": ["IPv4", "IPv6"]}


def text(version: str, bind: tuple[str, ...], public: tuple[str, ...], **changes: object) -> str:
    found = config.parse(json.dumps(agents.document(**changes)).encode())
    assert isinstance(found, config.Config)
    parsed = features.parse(version)
    assert parsed is not None
    return rendering.text(
        rendering.Rendering(
            settings=found,
            placing=placing.Placing(bind=bind, public=public),
            features=features.of(parsed),
            files=state.files(Path("/state")),
            threads=4,
        )
    )


@pytest.mark.parametrize("version", ["4.6.1", "4.18.0"])
def test_a_relay_with_all_listeners_matches_its_golden(version: str) -> None:
    found = text(
        version, ("10.0.0.5",), ("198.51.100.7",), listeners={"udp": 3478, "tcp": 3478, "tls": 443}
    )
    assert found == (GOLDENS / f"{version}.conf").read_text()


def lines(**changes: object) -> list[str]:
    return text("4.6.1", ("10.0.0.5",), ("10.0.0.5",), **changes).splitlines()


def test_an_address_of_its_own_needs_no_mapping() -> None:
    assert not [line for line in lines() if line.startswith("external-ip")]


def test_two_families_are_mapped_one_by_one() -> None:
    found = text("4.6.1", ("10.0.0.5", "2001:db8::5"), ("198.51.100.7", "2001:db8::5"), **DUAL)
    assert "external-ip=198.51.100.7/10.0.0.5\n" in found
    assert found.count("external-ip") == 1


def test_what_is_off_is_off() -> None:
    assert {"no-udp", "no-dtls", "tls-listening-port=443"} <= set(lines(listeners={"tls": 443}))
    assert {"no-tcp", "no-tls"} <= set(lines(listeners={"udp": 3478}))


def test_a_tcp_port_of_its_own_is_an_auxiliary_listener() -> None:
    found = lines(listeners={"udp": 3478, "tcp": 8080})
    assert {"listening-port=3478", "aux-server=10.0.0.5:8080"} <= set(found)


def test_loopback_peers_need_a_loopback_relay() -> None:
    assert "allow-loopback-peers" not in lines()
    assert "allow-loopback-peers" in text("4.6.1", ("127.0.0.9",), ("127.0.0.9",))


def test_an_ipv6_only_relay_allocates_ipv6_when_not_asked() -> None:
    found = text("4.6.1", ("2001:db8::5",), ("2001:db8::5",), families=["IPv6"])
    assert "allocation-default-address-family=ipv6\n" in found


def test_coturn_dies_with_the_agent_where_that_can_be_had() -> None:
    files = state.files(Path("/state"))
    with_guard = rendering.argv(
        turnserver="/usr/bin/turnserver", setpriv="/usr/bin/setpriv", files=files
    )
    assert with_guard[:4] == ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--")
    without = rendering.argv(turnserver="/usr/bin/turnserver", setpriv=None, files=files)
    assert without == ("/usr/bin/turnserver", "-c", "/state/turnserver.conf")


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("4.6.1\n", (4, 6, 1)),
        ("0: : INFO something\n4.18.0\n", (4, 18, 0)),
        ("4.17\n", (4, 17, 0)),
        ("true (GNU coreutils) 9.1\n", None),
        ("", None),
    ],
)
def test_the_version_is_read_from_what_coturn_prints(
    printed: str, version: tuple[int, int, int] | None
) -> None:
    assert features.parse(printed) == version


def test_an_old_coturn_lacks_things_and_a_new_one_does_not() -> None:
    assert len(features.of(features.Version(4, 6, 1)).caveats) == 4
    assert features.of(features.Version(4, 18)).caveats == ()
    assert not features.of(features.Version(4, 7)).drains
    assert features.of(features.Version(4, 8)).drains
