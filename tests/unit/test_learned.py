"""What was learned outlives a restart, and no state of the file or the disk stops anything."""

import asyncio
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turnfleet.commands import learning
from turnfleet.learn import facts, sources
from turnfleet.learned import keeping, merging, store

NOW = 1_763_730_000
KEY = b"k" * 32
OTHER_KEY = b"o" * 32


def record(number: int, *, cell: str = "JO/32/36") -> sources.Record:
    told = facts.fact(time=NOW + number % 1000, nonce=b"nonc", region=1, rtt=80 + number % 9)
    return sources.Record(cell=cell, facts=facts.pack([told]))


def records(count: int, *, start: int = 0) -> dict[bytes, sources.Record]:
    return {n.to_bytes(4, "big"): record(n) for n in range(start, start + count)}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[store.Store]:
    made = store.Store(tmp_path / "learned", fleet_key=KEY)
    yield made
    made.close()


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    first = store.Store(tmp_path, fleet_key=KEY)
    assert first.load() == {}
    first.save({**records(3), b"gone": record(9)})
    first.save({b"gone": None, b"\0\0\0\0": record(7)})
    first.close()
    again = store.Store(tmp_path, fleet_key=KEY)
    assert again.load() == {**records(3), b"\0\0\0\0": record(7)}
    again.close()


def test_a_file_written_anew_holds_nothing_else(kept: store.Store) -> None:
    kept.save(records(5))
    kept.save(records(2, start=7), anew=True)
    assert kept.load() == records(2, start=7)


def test_a_file_of_another_fleet_key_is_emptied(tmp_path: Path) -> None:
    first = store.Store(tmp_path, fleet_key=KEY)
    first.save(records(3))
    first.close()
    other = store.Store(tmp_path, fleet_key=OTHER_KEY)
    assert other.load() == {}
    other.save(records(1, start=7))
    other.close()
    assert first.load() == {}
    first.close()
    assert OTHER_KEY not in (tmp_path / store.FILE).read_bytes()


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / store.FILE).write_bytes(damage)
    kept = store.Store(tmp_path, fleet_key=KEY)
    with pytest.raises(store.Broken):
        kept.load()
    assert (tmp_path / "learned.broken").read_bytes() == damage
    kept.save(records(3))
    assert kept.load() == records(3)
    kept.close()


def test_damage_inside_the_file_is_found_when_it_is_opened(tmp_path: Path) -> None:
    kept = store.Store(tmp_path, fleet_key=KEY)
    kept.save(records(2000))
    kept.close()
    with (tmp_path / store.FILE).open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(4096))
    with pytest.raises(store.Broken):
        kept.load()
    assert kept.load() == {}
    kept.close()


def test_another_programs_file_is_not_written_to(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / store.FILE)
    other.execute("CREATE TABLE source (theirs TEXT)")
    other.close()
    kept = store.Store(tmp_path, fleet_key=KEY)
    with pytest.raises(store.Broken):
        kept.save(records(1))
    kept.close()


def test_the_file_is_bounded_and_a_save_that_does_not_fit_leaves_the_last(tmp_path: Path) -> None:
    kept = store.Store(tmp_path, fleet_key=KEY, size_max=64 << 10)
    kept.save(records(10))
    with pytest.raises(store.Unusable, match="full"):
        kept.save(records(20_000))
    assert kept.load() == records(10)
    kept.save(records(11))
    assert kept.load() == records(11)
    assert (tmp_path / store.FILE).stat().st_size <= 64 << 10
    kept.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = store.Store(tmp_path / "file" / "learned", fleet_key=KEY)
    with pytest.raises(store.Unusable):
        kept.load()
    with pytest.raises(store.Unusable):
        kept.save(records(1))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a disk of its own with options; again with others."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False).returncode:
        pytest.skip("nothing can be mounted here: it takes root")

    def remount(options: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
        return folder

    yield remount
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_is_read_only_is_read(disk: Callable[[str], Path]) -> None:
    folder = disk("rw")
    kept = store.Store(folder, fleet_key=KEY)
    kept.save(records(3))
    kept.close()
    disk("ro")
    assert kept.load() == records(3)
    with pytest.raises(store.Unusable):
        kept.save(records(4))
    assert store.Store(folder, fleet_key=OTHER_KEY).load() == {}
    disk("rw")
    kept.save(records(4))
    assert kept.load() == records(4)
    kept.close()


def test_a_disk_that_is_full_keeps_what_it_has(disk: Callable[[str], Path]) -> None:
    folder = disk("size=256k")
    kept = store.Store(folder, fleet_key=KEY)
    kept.save(records(10))
    (folder / "ballast").write_bytes(b"\0" * (130 << 10))
    with pytest.raises(store.Unusable):
        kept.save(records(20_000))
    (folder / "ballast").unlink()
    assert kept.load() == records(10)
    kept.save(records(11))
    assert kept.load() == records(11)
    kept.close()


def keeper(
    known: sources.Sources,
    kept: store.Store,
    told: list[str],
    *,
    every: float = 0.02,
    patience: float = 10.0,
) -> keeping.Keeper:
    return keeping.Keeper(
        known=known,
        kept=lambda: kept,
        warn=told.append,
        every=every,
        retry=every,
        patience=patience,
    )


async def test_a_replica_knows_after_a_restart_what_it_knew(kept: store.Store) -> None:
    told: list[str] = []
    before, after = sources.Sources(), sources.Sources()
    async with keeper(before, kept, told, every=1000).running(
        clock=lambda: NOW, ticks=time.monotonic
    ):
        before.merge(records(50), now=NOW + 1000)
    async with keeper(after, kept, told).running(clock=lambda: NOW + 1000, ticks=time.monotonic):
        await until(lambda: dict(after.items()) == records(50))
    assert told == []


async def test_what_changes_is_saved_while_it_runs(kept: store.Store, tmp_path: Path) -> None:
    known = sources.Sources()
    async with keeper(known, kept, []).running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(5), now=NOW + 1000)
        await until(lambda: len(rows(tmp_path / "learned")) == 5)


async def test_what_was_forgotten_is_forgotten_on_disk(kept: store.Store) -> None:
    known = sources.Sources(most=8)
    async with keeper(known, kept, []).running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(8), now=NOW + 1000)
        await asyncio.sleep(0.1)
        known.merge(records(8, start=100), now=NOW + 1000)
    assert kept.load() == records(8, start=100)


async def test_a_file_that_breaks_meanwhile_is_written_anew_with_all_there_is(
    kept: store.Store, tmp_path: Path
) -> None:
    told: list[str] = []
    known = sources.Sources()
    running = keeper(known, kept, told)
    async with running.running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(500), now=NOW + 1000)
        await until(lambda: measured(running)["turnfleet_learned_file_bytes"] > 0)
        assert len(rows(tmp_path / "learned")) == 500
        kept.close()
        (tmp_path / "learned" / store.FILE).write_bytes(b"no database" * 1000)
        known.merge(records(1, start=600), now=NOW + 1000)
        await until(lambda: bool(told))
        assert len(known) == 501
    assert kept.load() == {**records(500), **records(1, start=600)}
    assert "set aside" in told[0]


async def test_what_was_learned_goes_with_the_key_it_was_learned_under(tmp_path: Path) -> None:
    learned = learning.Learned(
        state=tmp_path, clock=lambda: NOW + 1000, ticks=time.monotonic, every=0.02
    )
    async with learned.kept():
        learned.rekey(KEY)
        learned.sources.merge(records(3), now=NOW + 1000)
        await until(lambda: len(rows(tmp_path)) == 3)
        learned.rekey(OTHER_KEY)
        assert len(learned.sources) == 0
        learned.sources.merge(records(1, start=7), now=NOW + 1000)
    for key, left in ((OTHER_KEY, records(1, start=7)), (KEY, {})):
        kept = store.Store(tmp_path, fleet_key=key)
        assert kept.load() == left
        kept.close()


async def test_nothing_is_loaded_before_the_key_is_known_nor_after_it_changed(
    tmp_path: Path,
) -> None:
    before = store.Store(tmp_path, fleet_key=KEY)
    before.save(records(3000))
    before.close()
    learned = learning.Learned(state=tmp_path, clock=lambda: NOW + 1000, ticks=time.monotonic)
    async with learned.kept():
        await asyncio.sleep(0.3)
        assert len(learned.sources) == 0
        learned.rekey(KEY)
        await until(lambda: len(learned.sources) > 0)
        learned.rekey(OTHER_KEY)
        await asyncio.sleep(0.3)
        assert len(learned.sources) == 0


async def test_an_end_before_the_key_is_known_leaves_the_file(tmp_path: Path) -> None:
    before = store.Store(tmp_path, fleet_key=KEY)
    before.save(records(3))
    async with learning.Learned(
        state=tmp_path, clock=lambda: NOW + 1000, ticks=time.monotonic
    ).kept():
        pass
    assert before.load() == records(3)
    before.close()


async def test_trouble_is_told_once_and_ends_with_it(tmp_path: Path) -> None:
    folder, told = tmp_path / "learned", list[str]()
    folder.touch()
    known = sources.Sources()
    kept = store.Store(folder, fleet_key=KEY)
    running = keeper(known, kept, told)
    async with running.running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(5), now=NOW + 1000)
        await asyncio.sleep(0.2)
        assert len(told) == 1
        assert running.trouble is not None
        folder.unlink()
        await until(lambda: running.trouble is None)
    assert kept.load() == records(5)
    kept.close()


async def test_answers_do_not_wait_for_what_is_loaded(kept: store.Store) -> None:
    kept.save(records(3000))
    known = sources.Sources()
    seen = set()
    async with keeper(known, kept, []).running(clock=lambda: NOW + 1000, ticks=time.monotonic):
        while len(known) < 3000:
            seen.add(len(known))
            await asyncio.sleep(0)
    assert len(seen) >= 3000 / merging.PIECE


async def test_an_end_while_it_loads_loses_nothing_of_either(kept: store.Store) -> None:
    kept.save(records(5000))
    known = sources.Sources()
    newer = {(4999).to_bytes(4, "big"): record(5, cell="NO/60/10")}
    async with keeper(known, kept, []).running(clock=lambda: NOW + 1000, ticks=time.monotonic):
        known.merge({**newer, b"new-": record(1)}, now=NOW + 1000)
        await until(lambda: len(known) > 2)
    assert len(known) < 5000
    both = sources.Sources()
    for told in (records(5000), newer, {b"new-": record(1)}):
        both.merge(told, now=NOW + 1000)
    assert kept.load() == dict(both.items())


class Stuck(store.Store):
    """A disk that does not answer until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, fleet_key=KEY)
        self.free = threading.Event()

    def load(self) -> dict[bytes, sources.Record]:
        self.free.wait()
        return super().load()


async def test_a_disk_that_does_not_answer_holds_up_nothing_and_is_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    stuck, known = Stuck(tmp_path), sources.Sources()
    running = keeper(known, stuck, told, patience=0.1)
    async with running.running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(5), now=NOW + 1000)
        await until(lambda: running.trouble is not None)
        assert told == ["what clients taught is kept in memory alone: " + str(running.trouble)]
        stuck.free.set()
        await until(lambda: running.trouble is None)
    assert stuck.load() == records(5)
    stuck.close()


async def test_an_end_waits_for_no_disk(tmp_path: Path) -> None:
    told: list[str] = []
    stuck, known = Stuck(tmp_path), sources.Sources()
    began = time.monotonic()
    async with keeper(known, stuck, told, patience=0.2).running(
        clock=lambda: NOW, ticks=time.monotonic
    ):
        known.merge(records(5), now=NOW + 1000)
    assert time.monotonic() - began < 2
    assert "may be lost" in told[-1]
    stuck.free.set()


async def test_what_is_kept_is_measured(kept: store.Store) -> None:
    known = sources.Sources()
    running = keeper(known, kept, [])
    async with running.running(clock=lambda: NOW, ticks=time.monotonic):
        known.merge(records(500), now=NOW + 1000)
        await until(lambda: measured(running)["turnfleet_learned_file_bytes"] > 10_000)
        assert measured(running)["turnfleet_learned_file_in_use"] == 1


def measured(running: keeping.Keeper) -> dict[str, float]:
    return {s.name: s.value for metric in running.measured() for s in metric.samples}


def rows(folder: Path) -> list[object]:
    try:
        reading = sqlite3.connect(folder / store.FILE)
        found = reading.execute("SELECT hash FROM source").fetchall()
        reading.close()
    except sqlite3.OperationalError:
        return []
    return found


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not so():  # noqa: ASYNC110 - what is waited for is a thread's work on a file
            await asyncio.sleep(0.01)
