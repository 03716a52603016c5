"""``turnfleet validate`` as a person, a script and a pipeline run it."""

import io
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import turnregions

from turnfleet import cli

MINIMAL = (turnregions.EXAMPLES / "minimal.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str


Validate = Callable[..., Outcome]


@pytest.fixture
def validate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Validate:
    monkeypatch.chdir(tmp_path)

    def run(*args: str, text: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = cli.main(["validate", *args])
        captured = capsys.readouterr()
        return Outcome(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(turnregions.EXAMPLES / "one-machine", tmp_path / "fleet"))


def test_a_sound_folder_is_a_table_and_exit_code_0(validate: Validate, folder: Path) -> None:
    done = validate(folder.name)

    assert done.err == ""
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "REGION",
        "ap-southeast",
        "eu-central",
        "us-east",
    ]


def test_problems_are_listed_by_file_line_and_field_and_exit_code_is_1(
    validate: Validate, folder: Path
) -> None:
    file = folder / "us-east.yaml"
    file.write_text(
        file.read_text()
        .replace("port: 5449", "port: 99999")
        .replace("weight", "wieght")
        .replace("timeout: 1h", "timeout: 3600"),
    )

    done = validate("fleet/us-east.yaml")

    assert done.code == 1
    assert "2 problems" in done.out
    assert done.err == (
        "fleet/us-east.yaml:28: spec.listeners.tls.port: 99999 is not accepted here; write a whole"
        " number from 1 to 65535\n"
        "fleet/us-east.yaml:38: spec.drain.timeout: 3600 is not accepted here; write a duration"
        ' such as "90s", "1h" or "1h30m"\n'
        "fleet/us-east.yaml:17: warning: spec.wieght is not a field of a TurnRegion and is"
        " ignored\n"
    )


def test_an_unknown_field_alone_is_only_a_warning(validate: Validate) -> None:
    done = validate("-", text=MINIMAL + "  wieght: 3\n")

    assert done.code == 0
    assert "valid, with warnings" in done.out
    assert "warning: spec.wieght is not a field of a TurnRegion" in done.err


def test_standard_input_may_hold_many_documents(validate: Validate) -> None:
    done = validate("-", "--json", text=f"{MINIMAL}---\n{MINIMAL}---\na: [")

    report = json.loads(done.out)
    assert done.code == 1
    assert done.err == ""
    assert [(m["line"], m["region"], m["valid"]) for m in report["manifests"]] == [
        (3, "eu-north", True),
        (13, "eu-north", False),
        (22, None, False),
    ]
    assert "already declared" in report["manifests"][1]["problems"][0]["sentence"]
    assert report["manifests"][2]["problems"][0]["path"] == "line 22, column 1"


def test_a_file_named_twice_is_read_once(validate: Validate, folder: Path) -> None:
    done = validate(folder.name, f"{folder.name}/../{folder.name}/us-east.yaml")

    assert done.code == 0
    assert done.out.count("us-east.yaml") == 1


def test_shared_ports_are_a_note_and_no_problem(validate: Validate) -> None:
    done = validate("-", text=f"{MINIMAL}---\n{MINIMAL.replace('eu-north', 'eu-south')}")

    assert done.code == 0
    assert "Note: eu-north and eu-south share ports" in done.out


def test_peers_that_are_allowed_in_vain_are_a_note(validate: Validate) -> None:
    allowed = "[10.0.0.0/24, 'fd00:1::/64', '2001:db8::/64', 'fe80::1/128']"
    done = validate("-", text=f"{MINIMAL}  peers: {{allow: {allowed}}}\n")

    assert done.code == 0
    assert done.out.rstrip().endswith("site-local: fd00:1::/64, fe80::1/128.")


def test_what_cannot_be_read_is_exit_code_2_and_the_rest_is_still_checked(
    validate: Validate, folder: Path
) -> None:
    done = validate("nowhere.yaml", folder.name)

    assert done.code == 2
    assert done.err == "nowhere.yaml: this cannot be read: no such file or directory\n"
    assert "eu-central" in done.out


def test_a_file_that_cannot_be_opened_is_exit_code_2(validate: Validate, folder: Path) -> None:
    (folder / "us-east.yaml").unlink()
    with socket.socket(socket.AF_UNIX) as not_even_root_opens_it:
        not_even_root_opens_it.bind(f"{folder.name}/us-east.yaml")

        done = validate(folder.name)

    assert done.code == 2
    assert done.err.startswith("fleet/us-east.yaml: this cannot be read: ")
    assert "eu-central" in done.out


def test_a_file_that_fails_while_it_is_read_is_exit_code_2(validate: Validate) -> None:
    done = validate("/proc/self/mem")

    assert done.code == 2
    assert done.err == "/proc/self/mem: this cannot be read: input/output error\n"


def test_a_broken_link_in_a_folder_is_exit_code_2(validate: Validate, folder: Path) -> None:
    (folder / "x.yaml").symlink_to("nowhere")

    done = validate(folder.name)

    assert done.code == 2
    assert "fleet/x.yaml: this cannot be read" in done.err


def test_a_folder_without_manifests_is_exit_code_2(validate: Validate, tmp_path: Path) -> None:
    (tmp_path / "empty" / "sub.yaml").mkdir(parents=True)

    done = validate("empty", "--json")

    assert done.code == 2
    assert "has no .yaml" in json.loads(done.out)["unreadable"][0]["sentence"]


def test_nothing_to_check_is_exit_code_2(validate: Validate) -> None:
    done = validate("-", text="# only a comment\n")

    assert done.code == 2
    assert done.err.startswith("there is no TurnRegion")


def test_a_hostile_file_name_is_printed_without_control_characters(
    validate: Validate, tmp_path: Path
) -> None:
    name = "\x1b[31m\udc80.yaml"
    (tmp_path / name).write_text("a: ]")

    done = validate(".")

    assert done.code == 1
    assert "\\x1b[31m\\xdc80.yaml:1: column 4" in done.err


def test_a_device_without_an_end_is_refused(validate: Validate) -> None:
    done = validate("/dev/zero")

    assert done.code == 1
    assert "split it" in done.err


def test_the_installed_program_gives_its_verdict_as_its_exit_code(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turnfleet", "validate", folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "\x1b" not in done.stdout
    assert done.stderr == ""
