"""How ``turnfleet run`` starts again, ends, refuses to start, and what it warns of."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import coturn, machine

from turnfleet import cli

BLOCK = 51
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def regions(tmp_path: Path) -> Path:
    folder = tmp_path / "regions"
    folder.mkdir()
    machine.manifest("east", file=folder / "east.yaml")
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_everything_at_once_with_code_0(
    regions: Path, tmp_path: Path, number: signal.Signals
) -> None:
    async with machine.running(regions, state=tmp_path / "state", block=BLOCK) as fleet:
        began = time.monotonic()
        assert await fleet.end(number) == 0
        assert time.monotonic() - began < 20, "it takes under 2 s on an idle machine"
        assert not fleet.left_behind()


async def test_no_process_survives_a_killed_run(regions: Path, tmp_path: Path) -> None:
    async with machine.running(regions, state=tmp_path / "state", block=BLOCK) as fleet:
        programs = [
            pid
            for relay in (await fleet.relays()).values()
            for pid in (relay.agent, relay.coturn)
            if pid is not None
        ]
        assert len(programs) == 4
        await fleet.end(signal.SIGKILL)
        async with asyncio.timeout(60):
            while any(alive(pid) for pid in programs):  # noqa: ASYNC110 - they are not ours to wait for
                await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


async def test_a_second_start_keeps_secrets_and_certificates(regions: Path, tmp_path: Path) -> None:
    kept = ("secrets/fleet-key", "secrets/east-auth/current", "tls/ca.crt", "tls/turn-tls/tls.crt")
    state = tmp_path / "state"
    async with machine.running(regions, state=state, block=BLOCK) as fleet:
        first = [(state / name).read_text() for name in kept]
        await fleet.end(signal.SIGKILL)
    began = time.monotonic()
    async with machine.running(regions, state=state, block=BLOCK):
        assert time.monotonic() - began < 15, "it takes about 4 s on an idle machine"
        assert [(state / name).read_text() for name in kept] == first
    private = [*state.glob("secrets/**/*"), *state.glob("tls/**/*.key")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


async def test_a_certificate_of_ones_own_by_an_unknown_authority_is_warned_of(
    regions: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    pair = coturn.authority().issue(tmp_path / "foreign", ["127.0.0.1"])
    mine = state / "secrets" / "turn-tls"
    mine.mkdir(parents=True)
    for file, name in zip(pair, ("tls.crt", "tls.key"), strict=True):
        (mine / name).write_bytes(file.read_bytes())
        (mine / name).chmod(0o600)
    async with machine.running(regions, state=state, block=BLOCK) as fleet:
        await fleet.hears("is offered without tls: its certificate is signed by an authority")


async def test_a_second_run_with_the_same_state_is_refused(
    regions: Path, tmp_path: Path, run: Run
) -> None:
    state = tmp_path / "state"
    async with machine.running(regions, state=state, block=BLOCK, ready=False) as fleet:
        code, said = run(regions, state=state)
        assert code == 2
        assert f"is in use by another turnfleet (process {fleet.process.pid})" in said


async def test_relays_on_an_address_of_the_machine_share_its_ports(
    regions: Path, tmp_path: Path
) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    flags = ["--address", address]
    async with machine.running(
        regions, state=tmp_path / "state", block=BLOCK, flags=flags, ready=False
    ) as fleet:
        await fleet.all_ready(["east-1", "east-2"])
        relays = await fleet.relays()
        assert {relay.address for relay in relays.values()} == {address}
        assert sorted(relay.listeners["udp"] for relay in relays.values()) == [3478, 3488]


def own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that tries a start: its exit code and what it says."""

    def attempt(folder: Path, *flags: str, state: Path | None = None) -> tuple[int, str]:
        try:
            code = cli.main(
                [
                    *("run", str(folder), "--state", str(state or tmp_path / "state")),
                    *("--block", str(BLOCK), "--listen", "127.0.0.1:0", *flags),
                ]
            )
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, capsys.readouterr().err

    return attempt


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, run: Run) -> None:
    code, said = run(tmp_path / "none")
    assert (code, said) == (2, f"turnfleet run: there is no folder {tmp_path / 'none'}.\n")


def test_a_file_in_place_of_a_folder_is_told_apart(regions: Path, run: Run) -> None:
    code, said = run(regions / "east.yaml")
    assert code == 2
    assert "is a file; give the folder that it is in" in said


def test_a_folder_without_a_valid_region_says_what_is_wrong(regions: Path, run: Run) -> None:
    (regions / "east.yaml").write_text("spec: [")
    code, said = run(regions)
    assert code == 2
    assert "no valid TurnRegion" in said
    assert "east.yaml:2: " in said


def test_missing_coturn_says_what_to_install(
    regions: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    code, said = run(regions)
    assert code == 2
    assert "apt-get install coturn" in said


def test_a_program_that_is_not_coturn_is_refused(regions: Path, run: Run) -> None:
    code, said = run(regions, "--turnserver", "/bin/true")
    assert code == 2
    assert "/bin/true is not coturn: with --version it prints no version" in said


def test_addresses_of_another_fleet_are_named_with_a_way_out(regions: Path, run: Run) -> None:
    with socket.create_server((f"127.{BLOCK}.1.2", 9641)):
        code, said = run(regions)
    assert code == 2
    assert f"127.{BLOCK}.1.2 port 9641 is used by another turnfleet (or another program)" in said
    assert f"choose other loopback addresses, e.g. --block {BLOCK + 1}." in said


def test_a_port_in_use_is_named_with_a_way_out(regions: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "turnfleet", "run", str(regions)),
                *("--state", str(tmp_path / "state"), "--listen", f"127.0.0.1:{port}"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    said = ended.stderr
    assert ended.returncode == 2
    assert "Traceback" not in said
    assert f"port {port} of 127.0.0.1 is in use by another program; choose another one" in said


def test_a_state_folder_that_is_a_file_is_told(regions: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "state").write_text("")
    code, said = run(regions)
    assert code == 2
    assert "(File exists); give a folder that can be written with --state" in said


def test_a_state_folder_that_cannot_be_made_is_told(regions: Path, run: Run) -> None:
    code, said = run(regions, state=Path("/proc/nothing/state"))
    assert code == 2
    assert "--state" in said


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "stands for every address"),  # noqa: S104 - refused
        ("::", "stands for every address"),
        ("127.0.0.1", "reached from this machine alone"),
        ("192.0.2.77", "is not an address of this machine"),
        ("localhost", "is not an IP address"),
        ("224.0.0.1", "cannot be published"),
        ("", "is not an IP address"),
    ],
)
def test_an_address_that_cannot_be_published_is_refused(
    regions: Path, run: Run, address: str, why: str
) -> None:
    code, said = run(regions, "--address", address)
    assert code == 2
    assert why in said


@pytest.mark.parametrize("listen", ["8080x", "0.0.0.0:8080", "127.0.0.1:99999", "example.com:80"])
def test_a_listen_address_that_makes_no_sense_is_refused(
    regions: Path, run: Run, listen: str
) -> None:
    code, said = run(regions, "--listen", listen)
    assert code == 2
    assert "--listen" in said
