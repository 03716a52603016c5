"""``turnfleet simulate`` after days of reports, some of them lies; and where to build next."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import tabled
from tests.support.tabled import HEADS, Outcome, Simulate, choices

WORLD = (
    "region,lat,lon,country\neu,50.1,8.7,DE\nme,25.2,55.3,AE\nsg,1.3,103.8,SG\nus,39.0,-77.5,US\n"
)


@pytest.fixture
def simulate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Simulate:
    monkeypatch.chdir(tmp_path)
    return tabled.runner(capsys)


def crowd(size: int = 24) -> dict[str, str]:
    """Return clients of Jordan, whom the map would send elsewhere than their network does."""
    clients = "".join(f"c{n},,JO,{31 + n % 3},36\n" for n in range(size))
    rtts = "".join(
        f"c{n},{region},{rtt}\n"
        for n in range(size)
        for region, rtt in (("eu", 170), ("me", 45), ("sg", 200), ("us", 190))
    )
    return {
        "regions": WORLD,
        "clients": HEADS["clients"] + clients,
        "rtt": HEADS["rtt"] + rtts,
    }


def results(done: Outcome) -> dict[str, dict[str, float]]:
    assert (done.code, done.err) == (0, "")
    told: dict[str, dict[str, float]] = json.loads(done.out)["results"]
    return told


def first() -> dict[str, str]:
    return {row[0]: row[1] for row in reversed(choices()[1:])}


def test_clients_learn_which_region_is_the_nearest_by_reporting_for_some_days(
    simulate: Simulate,
) -> None:
    before = results(simulate("--json", **crowd()))
    after = results(simulate("--json", "--passes", "3", "--noise", "0.1", **crowd()))
    assert before["prior"] == after["prior"]
    assert before["prior"]["hit_rate"] == 0
    assert "learned" not in before
    assert after["learned"]["hit_rate"] > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_one_gives_others(
    simulate: Simulate,
) -> None:
    def run(seed: int) -> tuple[str, bytes]:
        args = ("--passes", "2", "--noise", "0.2", "--liars", "0.3", "--seed", str(seed))
        done = simulate(*args, "--json", "--out", "choices.csv", **crowd())
        return done.out, Path("choices.csv").read_bytes()

    assert run(1) == run(1)
    assert run(1)[1] != run(2)[1]


def test_no_chance_of_a_process_is_in_what_comes_out(simulate: Simulate) -> None:
    simulate(**crowd())  # leaves the tables in the folder

    def run(hash_seed: str) -> str:
        command = (
            sys.executable, "-m", "turnfleet", "simulate", "--regions", "regions.csv",
            "--clients", "clients.csv", "--rtt", "rtt.csv", "--passes", "2", "--noise", "0.1",
            "--liars", "0.2", "--out", f"{hash_seed}.csv", "--json",
        )  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert run("1") == run("2")
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()


def test_estimates_rise_from_the_first_choice_on_after_passes_too(simulate: Simulate) -> None:
    simulate("--passes", "2", "--noise", "0.1", "--out", "choices.csv", **crowd())
    rows = choices()[1:]
    assert len(rows) == 24 * 4
    for name in {row[0] for row in rows}:
        estimates = [float(row[2]) for row in rows if row[0] == name]
        assert estimates == sorted(estimates)


def test_a_few_liars_move_nobody_but_themselves(simulate: Simulate) -> None:
    args = ("--json", "--passes", "3", "--noise", "0.1")
    honest = results(simulate(*args, **crowd()))
    beside = simulate(*args, "--liars", "0.15", **crowd())
    assert results(beside)["learned, honest"]["hit_rate"] >= honest["learned"]["hit_rate"] - 0.05
    assert json.loads(beside.out)["lying_clients"] == round(0.15 * 24)


def test_clients_of_one_network_lie_together(simulate: Simulate) -> None:
    tables = crowd(8)
    tables["clients"] = HEADS["clients"] + "".join(
        f"c{n},192.0.{n // 4}.{n},JO,31,36\n" for n in range(8)
    )
    done = simulate("--json", "--passes", "1", "--liars", "0.5", **tables)
    assert json.loads(done.out)["lying_clients"] == 4


def test_who_measured_nothing_has_choices_all_the_same_by_what_neighbours_found(
    simulate: Simulate,
) -> None:
    tables = crowd()
    tables["clients"] += "silent,,JO,31,36\nfar,,NO,60,11\n"
    simulate("--out", "choices.csv", **tables)
    before = choices()
    simulate("--passes", "3", "--out", "choices.csv", **tables)
    assert first()["silent"] == "me"
    assert [row for row in choices() if row[0] == "far"] == [r for r in before if r[0] == "far"]


def test_regions_that_nobody_measured_stay_where_they_were_expected(simulate: Simulate) -> None:
    tables = crowd()
    tables["rtt"] = HEADS["rtt"] + "".join(f"c{n},eu,170\n" for n in range(24))
    done = simulate("--json", "--passes", "2", "--out", "choices.csv", **tables)
    assert results(done)["learned"]["hit_rate"] == 1  # nothing better was measured for anybody
    assert len(choices()) == 1 + 24 * 4


def test_passes_without_round_trips_change_nothing(simulate: Simulate) -> None:
    simulate("--out", "choices.csv")
    before = choices()
    done = simulate("--out", "choices.csv", "--passes", "2")
    assert choices() == before
    assert "nothing to learn from or to compare with (--rtt)" in done.out


def test_a_next_region_is_suggested_where_clients_are_far_from_all(simulate: Simulate) -> None:
    regions = "region,lat,lon,country\nus,39.0,-77.5,US\n"
    clients = HEADS["clients"] + "".join(f"c{n},,DE,50,{8 + n % 4}\n" for n in range(20))
    tables = {"regions": regions, "clients": clients}

    told = json.loads(simulate("--suggest", "2", "--json", **tables).out)["suggested"]
    best = told["for_mean"][0]
    assert best["country"] in {"DE", "NL", "CH", "FR", "BE", "LU"}
    assert best["mean"] < told["before"]["mean"] / 2
    assert told["for_p95"][0]["p95"] < told["before"]["p95"] / 2

    shown = simulate("--suggest", "1", **tables)
    assert shown.code == 0
    assert f"{best['place']}, {best['country']}" in shown.out


def test_a_place_that_has_a_region_is_not_suggested_again(simulate: Simulate) -> None:
    told = json.loads(simulate("--suggest", "5", "--json").out)["suggested"]
    places = [step["place"] for step in told["for_mean"]]
    assert len(set(places)) == len(places)
    assert not {"Frankfurt", "Dubai", "Singapore"} & set(places)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--passes", "-1"), "'-1' is not a whole number from 0 to 10000"),
        (("--passes", "many"), "'many' is not a whole number"),
        (("--noise", "nan"), "'nan' is not a number from 0 to 2"),
        (("--liars", "1.1"), "'1.1' is not a number from 0 to 1"),
        (("--suggest", "101"), "'101' is not a whole number from 0 to 100"),
        (("--seed", "x"), "invalid int value: 'x'"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(
    simulate: Simulate,
    args: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        simulate(*args)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
