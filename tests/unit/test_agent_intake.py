"""What an agent takes over from its files while it runs."""

import json
import time
from pathlib import Path

import pytest
from tests.support import agents, coturn

from turnrelay import config, intake, mounts, options, placing, rendering

OWN, OTHER = "127.0.0.1", "turn.elsewhere.example"
AUTHORITY = coturn.authority()


class Mounted:
    """An agent's configuration file and the intake that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config.json"
        self.write()
        self.intake = self.restarted()

    def restarted(self) -> intake.Intake:
        """Return what another agent reads in the same folders."""
        folder = self.folder
        settings = config.parse(self.file.read_bytes())
        assert isinstance(settings, config.Config)
        told = options.parse(
            [
                f"--config={self.file}",
                f"--auth={folder}",
                f"--tls={folder / 'tls'}",
                f"--addresses={folder / 'addresses'}",
                f"--state={folder}",
                "--bind=127.0.0.1",
                "--agent-address=127.0.0.1",
            ]
        )
        names = ("configuration", "database", "pid", "certificate", "key")
        files = rendering.Files(**{name: folder / name for name in names})
        return intake.Intake(told=told, files=files, settings=settings)

    def write(self, **changes: object) -> None:
        document = agents.document(listeners={"udp": 3478, "tls": 5349}, **changes)
        self.file.write_text(json.dumps(document), encoding="utf-8")

    def certify(self, name: str) -> None:
        AUTHORITY.issue(self.folder / "tls", [name])

    def locate(self, addresses: str) -> None:
        (self.folder / "addresses").write_text(addresses, encoding="utf-8")


def names(taken: intake.Intake) -> frozenset[str]:
    """Return whom the certificate in force is for, once all files have been read."""
    taken.poll()
    taken.poll_certificate(time.time())
    return frozenset() if taken.certificate is None else taken.certificate.names


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path)


def test_the_time_to_drain_is_the_one_declared_last(mounted: Mounted) -> None:
    mounted.write(drainTimeout=7200)
    mounted.intake.poll()
    assert mounted.intake.settings.drain_timeout == 7200
    assert mounted.intake.complaint("config") is None


def test_what_only_a_new_relay_can_follow_is_left_and_complained_about(mounted: Mounted) -> None:
    mounted.write(realm="other.example.com", live_allocationsPerUser=3)
    mounted.intake.poll()
    assert mounted.intake.settings.realm == "turn.example.com"
    assert mounted.intake.settings.live.allocations_per_user == 3
    assert "only a new relay" in (mounted.intake.complaint("config") or "")


def test_a_file_that_turns_into_nonsense_changes_nothing(mounted: Mounted) -> None:
    before = mounted.intake.settings
    mounted.file.write_text("{", encoding="utf-8")
    mounted.intake.poll()
    assert mounted.intake.settings == before
    assert "cannot be used" in (mounted.intake.complaint("config") or "")


def test_a_configuration_that_is_back_as_it_was_is_no_complaint_any_more(mounted: Mounted) -> None:
    mounted.intake.poll()
    before = mounted.file.read_bytes()
    mounted.file.unlink()
    mounted.file.mkdir()
    mounted.intake.poll()
    assert "is not a file" in (mounted.intake.complaint("config") or "")
    mounted.file.rmdir()
    mounted.file.write_bytes(before)
    mounted.intake.poll()
    assert mounted.intake.complaint("config") is None


@pytest.mark.parametrize("addresses", ["", "nonsense", "2001:db8::1"])
def test_a_certificate_for_another_name_replaces_none_while_no_address_is_known(
    mounted: Mounted, addresses: str
) -> None:
    mounted.certify(OWN)
    mounted.locate(addresses)
    assert names(mounted.intake) == {OWN}
    mounted.certify(OTHER)
    assert names(mounted.intake) == {OWN}
    assert "the one before stays in force" in (mounted.intake.complaint("tls") or "")
    before = mounted.intake.certificate
    mounted.certify(OWN)
    assert names(mounted.intake) == {OWN}
    assert mounted.intake.certificate != before, "a renewal is taken"
    assert mounted.intake.complaint("tls") is None


@pytest.mark.parametrize(
    "nonsense",
    ["nonsense", "2001:db8::1", "192.0.2.1 " * 17, "0.0.0.0", "224.0.0.1", "255.255.255.255"],  # noqa: S104 - refused
)
def test_addresses_that_turn_into_nonsense_stay_in_force(mounted: Mounted, nonsense: str) -> None:
    mounted.locate(nonsense)
    mounted.intake.poll()
    assert not isinstance(mounted.intake.place(), placing.Placing)
    mounted.locate(OWN)
    mounted.intake.poll()
    before = mounted.intake.place()
    assert isinstance(before, placing.Placing)
    mounted.locate(nonsense)
    mounted.intake.poll()
    assert mounted.intake.place() == before
    assert "cannot be used" in (mounted.intake.complaint("addresses") or "")
    mounted.locate("192.0.2.1")
    mounted.intake.poll()
    assert mounted.intake.place() != before
    assert mounted.intake.complaint("addresses") is None


@pytest.mark.parametrize("addresses", [OWN, ""])
def test_a_certificate_for_another_name_replaces_none_after_a_restart(
    mounted: Mounted, addresses: str
) -> None:
    mounted.locate(OWN)
    mounted.certify(OWN)
    assert names(mounted.intake) == {OWN}
    mounted.locate(addresses)
    mounted.certify(OTHER)
    assert names(mounted.restarted()) == {OWN}
    mounted.certify(OWN)
    mounted.locate(OWN)
    restarted = mounted.restarted()
    assert names(restarted) == {OWN}
    assert restarted.certificate != mounted.intake.certificate


def test_a_half_of_a_pair_that_a_killed_agent_left_is_none(mounted: Mounted) -> None:
    mounted.locate(OWN)
    mounted.certify(OWN)
    assert names(mounted.intake) == {OWN}
    (mounted.folder / "key").write_bytes(b"of another pair")
    mounted.certify(OTHER)
    assert names(mounted.restarted()) == {OTHER}


def test_a_version_that_links_to_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "..data").symlink_to("..data")
    assert mounts.snapshot(tmp_path) == tmp_path
