"""A folder of manifests as it is edited, broken, replaced and taken away."""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from turnfleet.sources import folder, ledger


class Watched:
    """A folder, and what was seen in it at the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.source = folder.Folder(path)

    def write(self, name: str, *regions: str, text: str | None = None) -> None:
        documents = [manifest(region) for region in regions]
        (self.path / name).write_text(text if text is not None else "---\n".join(documents))

    def look(self, times: int = 2) -> ledger.Snapshot:
        """Look as often as a change needs to be believed."""
        for _ in range(times):
            snapshot = self.source.look()
        return snapshot


def manifest(name: str, weight: int = 100) -> str:
    return (
        "apiVersion: turnfleet.io/v1alpha1\nkind: TurnRegion\n"
        f"metadata: {{name: {name}}}\n"
        "spec:\n  location: {latitude: 1, longitude: 2}\n  realm: turn.example.com\n"
        f"  weight: {weight}\n"
    )


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "regions")


def names(snapshot: ledger.Snapshot) -> list[str]:
    return [spec.name for spec in snapshot.specs]


def test_the_first_look_takes_what_is_there(watched: Watched) -> None:
    watched.write("a.yaml", "eu", "us")
    watched.write("b.yml", "ap")
    watched.write("c.JSON", text=json.dumps(yaml.safe_load(manifest("sa"))))
    watched.write("notes.txt", "not-this")
    watched.write(".hidden.yaml", "nor-this")
    assert names(watched.look(1)) == ["ap", "eu", "sa", "us"]


def test_a_change_counts_once_it_has_been_there_for_two_looks(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    watched.look(1)
    watched.write("a.yaml", text=manifest("eu", weight=7))
    assert watched.look(1).specs[0].weight == 100
    assert watched.look(1).specs[0].weight == 7


def test_an_edit_that_keeps_size_and_time_is_seen(watched: Watched) -> None:
    watched.write("a.yaml", text=manifest("eu", weight=100))
    watched.look()
    file = watched.path / "a.yaml"
    before = file.stat()
    file.write_text(manifest("eu", weight=200))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watched.look().specs[0].weight == 200


def test_a_field_that_nothing_reads_is_said_like_validate_does(watched: Watched) -> None:
    watched.write("a.yaml", text=manifest("eu") + "  relayPort: 1\n")
    snapshot = watched.look()
    assert names(snapshot) == ["eu"]
    assert snapshot.complaints == (
        "a.yaml:8: warning: spec.relayPort is not a field of a TurnRegion and is ignored",
    )


def test_a_deleted_file_ends_its_regions_and_no_others(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    watched.write("b.yaml", "us")
    watched.look()
    (watched.path / "a.yaml").unlink()
    assert names(watched.look(1)) == ["eu", "us"], "an editor may be about to put it back"
    assert names(watched.look(1)) == ["us"]


def test_a_file_that_an_editor_replaces_is_never_missing(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    watched.look()
    (watched.path / "a.yaml").rename(watched.path / "a.yaml~")
    assert names(watched.look(1)) == ["eu"]
    watched.write("a.yaml", "eu")
    assert names(watched.look(3)) == ["eu"]


def test_a_renamed_file_keeps_its_regions(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    watched.look()
    (watched.path / "a.yaml").rename(watched.path / "z.yaml")
    for _ in range(3):
        assert names(watched.look(1)) == ["eu"]
    assert not watched.look(1).complaints


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("spec: [", "a.yaml:2: column 1: "),
        ("", "holds no TurnRegion"),
        ("---\n---\n", "holds no TurnRegion"),
        (manifest("eu", weight=-1), "weight"),
        ("\x00\x01", "control character"),
        ("kind: Other\n", "apiVersion"),
        ("a: &a [*a]\n", "a.yaml"),
    ],
)
def test_a_broken_file_holds_its_regions_as_they_were(
    watched: Watched, text: str, complaint: str
) -> None:
    watched.write("a.yaml", "eu", "us")
    watched.write("b.yaml", "ap")
    before = watched.look()
    watched.write("a.yaml", text=text)
    after = watched.look()
    assert after.specs == before.specs
    assert after.held == {"eu", "us"}
    assert any(complaint in sentence for sentence in after.complaints), after.complaints
    watched.write("a.yaml", "eu")
    mended = watched.look()
    assert names(mended) == ["ap", "eu"]
    assert not mended.held
    assert not mended.complaints


def test_a_broken_document_holds_its_own_region_only(watched: Watched) -> None:
    watched.write("a.yaml", "eu", "us")
    watched.look()
    both = manifest("eu", weight=-1) + "---\n" + manifest("us", weight=5)
    watched.write("a.yaml", text=both)
    after = watched.look()
    assert after.held == {"eu"}
    assert {spec.name: spec.weight for spec in after.specs} == {"eu": 100, "us": 5}


def test_a_region_taken_out_of_a_file_ends(watched: Watched) -> None:
    watched.write("a.yaml", "eu", "us")
    watched.look()
    watched.write("a.yaml", "us")
    assert names(watched.look()) == ["us"]


def test_of_two_regions_of_one_name_the_first_seen_wins(watched: Watched) -> None:
    watched.write("z.yaml", text=manifest("eu", weight=1))
    watched.look()
    watched.write("a.yaml", text=manifest("eu", weight=2))
    taken = watched.look()
    assert [spec.weight for spec in taken.specs] == [1]
    assert taken.complaints == (
        "NameTaken: a.yaml declares region eu, which z.yaml declared first; give it another name",
    )
    watched.write("z.yaml", text="broken: [")
    assert [spec.weight for spec in watched.look().specs] == [1], "a broken owner still owns"
    (watched.path / "z.yaml").unlink()
    heir = watched.look()
    assert [spec.weight for spec in heir.specs] == [2]
    assert not heir.complaints


def test_two_regions_of_one_name_in_one_file_are_told_apart_by_order(watched: Watched) -> None:
    watched.write("a.yaml", text="---\n".join(manifest("eu", weight=w) for w in (1, 2)))
    snapshot = watched.look()
    assert [spec.weight for spec in snapshot.specs] == [1]
    assert "a second time" in snapshot.complaints[0]


def test_a_folder_that_goes_away_changes_nothing_and_says_so(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    before = watched.look()
    moved = watched.path.with_name("moved")
    watched.path.rename(moved)
    gone = watched.look()
    assert gone.specs == before.specs
    assert "cannot be read" in gone.complaints[0]
    watched.path.mkdir()
    empty = watched.look()
    assert empty.specs == before.specs, "an unmounted volume is no order to delete everything"
    assert "replaced by an empty folder" in empty.complaints[0]
    watched.path.rmdir()
    moved.rename(watched.path)
    assert watched.look() == before


def test_emptying_the_folder_itself_ends_every_region(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    watched.look()
    (watched.path / "a.yaml").unlink()
    assert not watched.look().specs


def test_a_mounted_config_map_is_read_through_its_links(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "mount")
    for version, weight in (("..1", 1), ("..2", 2)):
        (watched.path / version).mkdir()
        (watched.path / version / "a.yaml").write_text(manifest("eu", weight=weight))
    (watched.path / "..data").symlink_to("..1")
    (watched.path / "a.yaml").symlink_to("..data/a.yaml")
    assert [spec.weight for spec in watched.look().specs] == [1]
    (watched.path / "..next").symlink_to("..2")
    (watched.path / "..next").rename(watched.path / "..data")
    shutil.rmtree(watched.path / "..1")
    assert [spec.weight for spec in watched.look().specs] == [2]


def test_what_is_no_file_is_a_complaint_and_blocks_nothing(watched: Watched) -> None:
    watched.write("a.yaml", "eu")
    os.mkfifo(watched.path / "pipe.yaml")
    (watched.path / "folder.yaml").mkdir()
    (watched.path / "nowhere.yaml").symlink_to("/nonexistent")
    (watched.path / "huge.yaml").write_text("#" * (1 << 21))
    snapshot = watched.look()
    assert names(snapshot) == ["eu"]
    assert len(snapshot.complaints) == 4


def test_a_link_that_leads_nowhere_any_more_holds_its_regions(watched: Watched) -> None:
    target = watched.path.with_name("target")
    target.write_text(manifest("eu"))
    (watched.path / "a.yaml").symlink_to(target)
    watched.look()
    target.unlink()
    assert watched.look(3).held == {"eu"}


def test_looking_again_at_the_same_files_reads_none_of_them(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write("a.yaml", "eu")
    before = watched.look()

    def unread(*_: object) -> bytes:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(Path, "open", unread)
    assert watched.look() == before
