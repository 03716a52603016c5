"""What an agent takes over from its files while it runs."""

import json
from pathlib import Path

import pytest
from tests.support import agents

from turnrelay import config, intake, mounts, options, rendering


class Mounted:
    """An agent's configuration file and the intake that reads it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.json"
        self.write()
        settings = config.parse(self.file.read_bytes())
        assert isinstance(settings, config.Config)
        told = options.parse(
            [
                f"--config={self.file}",
                f"--auth={folder}",
                f"--addresses={folder / 'addresses'}",
                f"--state={folder}",
                "--bind=127.0.0.1",
                "--agent-address=127.0.0.1",
            ]
        )
        names = ("configuration", "database", "pid", "certificate", "key")
        files = rendering.Files(**{name: folder / name for name in names})
        self.intake = intake.Intake(told=told, files=files, settings=settings)

    def write(self, **changes: object) -> None:
        self.file.write_text(json.dumps(agents.document(**changes)), encoding="utf-8")


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


def test_a_version_that_links_to_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "..data").symlink_to("..data")
    assert mounts.snapshot(tmp_path) == tmp_path
