"""``turnfleet simulate`` as a person, a script and an attacker's table run it."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from tests.support import mmdb, tabled
from tests.support.tabled import HEADS, Simulate, choices

from turnfleet.commands import crowds, replaying
from turnfleet.model import geo

RTTS = (
    "client_id,region,rtt_ms\n"
    "amman,eu,60\namman,me,120\namman,sg,200\n"
    "berlin,eu,15\nberlin,me,110\n"
    "jakarta,sg,40\njakarta,eu,35\n"
)


@pytest.fixture
def simulate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Simulate:
    monkeypatch.chdir(tmp_path)
    return tabled.runner(capsys)


def test_every_client_gets_all_regions_in_the_order_of_their_estimates(simulate: Simulate) -> None:
    done = simulate("--out", "choices.csv")

    assert (done.code, done.err) == (0, "")
    heading, *rows = choices()
    assert heading == ["client_id", "region", "estimate_ms"]
    assert [row[0] for row in rows[::3]] == ["amman", "berlin", "unmeasured", "jakarta"]
    for client in ("amman", "berlin", "unmeasured", "jakarta"):
        estimates = [float(row[2]) for row in rows if row[0] == client]
        assert len(estimates) == 3
        assert estimates == sorted(estimates)
    first = {row[0]: row[1] for row in reversed(rows)}
    assert first == {"amman": "eu", "berlin": "eu", "unmeasured": "eu", "jakarta": "sg"}


def test_what_was_measured_is_compared_with_both_estimators(simulate: Simulate) -> None:
    done = simulate("--json", rtt=RTTS)

    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    prior, great = told["results"]["prior"], told["results"]["great circle"]
    assert (told["clients"], told["regions"], told["passes"]) == (4, 3, 0)
    assert prior["clients"] == great["clients"] == 3
    assert prior["hit_rate"] == pytest.approx(2 / 3)  # Jakarta was measured nearer to Frankfurt
    assert prior["mean"] == pytest.approx(5 / 3)
    assert great["mean"] == pytest.approx((5 + 60) / 3)  # Amman to Dubai


def test_a_person_is_shown_the_figures_as_a_table(simulate: Simulate) -> None:
    done = simulate(rtt=RTTS)

    lines = done.out.splitlines()
    assert lines[0] == "4 clients (4 by request), 3 regions, no passes"
    assert lines[1].startswith("of 3 clients with a measured round trip: hits are")
    assert lines[3].endswith("COUNTRY MEAN")
    assert lines[4].split()[:5] == ["great", "circle", "3", "33.3%", "21.67"]
    figures = ["66.7%", "1.67", "0.00", "5.00", "5.00", "5.00", "1.67"]
    assert lines[5].split() == ["prior", "3", *figures]
    assert len(lines) == 6


def test_without_round_trips_it_says_what_is_missing(simulate: Simulate) -> None:
    done = simulate()
    assert done.code == 0
    assert "nothing to learn from or to compare with (--rtt)" in done.out


def test_round_trips_of_what_is_not_listed_do_not_count_and_are_mentioned(
    simulate: Simulate,
) -> None:
    done = simulate(rtt=f"{RTTS}amman,elsewhere,1\nsomebody,eu,1\n")
    assert done.code == 0
    assert "2 round trips are of clients or regions that are not listed" in done.out
    assert "of 3 clients" in done.out


def test_a_client_without_a_place_is_found_by_its_address_where_a_database_knows_it(
    simulate: Simulate,
) -> None:
    record = {"country_code": "ID", "latitude": -6.2, "longitude": 106.8}
    Path("geo").mkdir()
    mmdb.write(Path("geo") / "dbip-city.mmdb", {"::8.8.8.0/120": record})
    clients = "client_id,ip,country,lat,lon\na,8.8.8.8,DE,,\nb,9.9.9.9,DE,,\nc,8.8.8.8,DE,52,13\n"

    done = simulate("--geo", "geo", "--out", "choices.csv", "--json", clients=clients)

    assert done.code == 0
    assert json.loads(done.out)["located"] == {"request": 2, "city": 1}
    first = {row[0]: row[1] for row in reversed(choices())}
    assert (first["a"], first["b"], first["c"]) == ("sg", "eu", "eu")


def test_columns_go_by_their_names_and_spreadsheets_are_understood(simulate: Simulate) -> None:
    regions = '\ufeffCountry,Lon,Lat,Region,remark\r\nDE,8.7,50.1,"eu, main",x\r\n\r\n'
    done = simulate("--out", "choices.csv", regions=regions)
    assert (done.code, done.err) == (0, "")
    assert {row[1] for row in choices()[1:]} == {"eu, main"}


@pytest.mark.parametrize(
    ("table", "rows", "sentence"),
    [
        ("regions", "", "regions.csv has no rows below its first line."),
        ("regions", "eu,91,0,DE\n", "line 2: lat is '91', not a number from -90 to 90."),
        ("regions", "eu,nan,0,DE\n", "line 2: lat is 'nan', not a number from -90 to 90."),
        ("regions", "eu,,0,DE\n", "line 2: lat is blank."),
        ("regions", ",0,0,DE\n", "line 2: region is blank."),
        ("regions", "eu,0,0,DE\n\neu,1,1,DE\n", "line 4: region 'eu' is there twice."),
        ("regions", "eu,0,0\n", "line 2: 3 cells, but the first line names 4 columns."),
        ("regions", 'eu,"0,0,DE\n', "line 2: this is not CSV: unexpected end of data."),
        ("clients", "", "clients.csv has no rows below its first line."),
        ("clients", "a,,DE,50,\n", "line 2: lat and lon count only together"),
        ("clients", "a,,Germany,,\n", "line 2: country is 'GERMANY', not two letters as in DE."),
        ("clients", "a,,,,\n", "line 2: nothing tells where the client is"),
        ("clients", "a,,ZZ,,\n", "line 2: nothing tells where the client is: country 'ZZ'"),
        ("clients", "a,,DE,,\na,,FR,,\n", "line 3: client_id 'a' is there twice."),
        ("rtt", "amman,eu,fast\n", "line 2: rtt_ms is 'fast', not a number from 0 to 60000."),
        ("rtt", "amman,eu,-1\n", "line 2: rtt_ms is '-1', not a number from 0 to 60000."),
        ("rtt", "amman,eu,inf\n", "line 2: rtt_ms is 'inf', not a number from 0 to 60000."),
        ("rtt", "amman,eu,1\namman,eu,2\n", "line 3: 'amman' to 'eu' is there twice."),
        ("rtt", "amman,\x1b[2J,\n", "line 2: rtt_ms is blank."),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_line(
    simulate: Simulate, table: str, rows: str, sentence: str
) -> None:
    done = simulate(**{table: HEADS[table] + rows})
    assert done.code == 2
    assert done.out == ""
    assert sentence in done.err
    assert done.err.startswith(f"turnfleet simulate: {table}.csv")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "line 1: it names no column region; the columns are region,lat,lon,country."),
        (b"region,lat,lat,lon,country\n", "line 1: it names twice the column lat"),
        (b"\xff\xfe\x00", "regions.csv is not UTF-8 text."),
        (b"region,lat,lon,country\n" + b"x" * 200_000, "this is not CSV: field larger than"),
    ],
)
def test_a_file_that_is_no_table_is_refused(simulate: Simulate, text: bytes, sentence: str) -> None:
    done = simulate(regions=text)
    assert done.code == 2
    assert sentence in done.err


def test_what_a_table_says_reaches_no_terminal_as_it_is(simulate: Simulate) -> None:
    done = simulate(clients=f"{HEADS['clients']}\x1b[2J,,DE,,\n\x1b[2J,,DE,,\n")
    assert done.code == 2
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--rtt", "nowhere.csv"), "nowhere.csv cannot be read: No such file or directory."),
        (("--out", "."), ". cannot be written: Is a directory."),
    ],
)
def test_what_cannot_be_done_is_said(
    simulate: Simulate, args: tuple[str, ...], sentence: str
) -> None:
    done = simulate(*args)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=strategies.binary(max_size=60) | strategies.text(max_size=60).map(str.encode))
def test_no_table_makes_it_fail_otherwise_than_by_a_sentence(
    simulate: Simulate, text: bytes
) -> None:
    for table, head in HEADS.items():
        done = simulate(**{table: head.encode() + text})
        assert done.code in {0, 2}
        assert done.code == 0 or done.err.startswith("turnfleet simulate: ")


def test_no_two_relays_of_a_fleet_are_on_one_machine() -> None:
    place = geo.Place(latitude=50.0, longitude=8.0)
    rows = [crowds.Region(name, place) for name in ("eu", "me")]
    relays = [
        member.relay
        for found in replaying.fleet_of(rows, relays=2).regions.values()
        for member in found.members
    ]
    assert len({relay.addresses for relay in relays}) == len(relays) == 4
