"""The state of a relay, its waits, its secrets and its figures, from facts alone."""

import json
from pathlib import Path

import pytest
from tests.support import agents

from turnrelay import auth, backoff, config, contract, coturn, counting, lifecycle

OBSTACLE = lifecycle.Obstacle(reason=lifecycle.Reason.NO_SECRET, sentence="no secret")
PROVEN = lifecycle.Facts(once_proven=True, proof=lifecycle.Proven())


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        (lifecycle.Facts(), "Starting", "Unproven"),
        (lifecycle.Facts(obstacle=OBSTACLE), "Starting", "NoSecret"),
        (lifecycle.Facts(proof=lifecycle.Refused(401)), "Starting", "BadCredential"),
        (PROVEN, "Ready", ""),
        (
            lifecycle.Facts(once_proven=True, proof=lifecycle.Refused(401)),
            "Closed",
            "BadCredential",
        ),
        (lifecycle.Facts(once_proven=True, proof=lifecycle.Refused(403)), "Closed", "Forbidden"),
        (lifecycle.Facts(once_proven=True, proof=lifecycle.Refused(486)), "Closed", "Full"),
        (lifecycle.Facts(once_proven=True, proof=lifecycle.Refused(508)), "Closed", "Full"),
        (lifecycle.Facts(once_proven=True, proof=lifecycle.Refused(500)), "Closed", "Refused"),
        (lifecycle.Facts(once_proven=True, proof=lifecycle.Silent("")), "Closed", "Silent"),
        (lifecycle.Facts(once_proven=True, closed=True), "Closed", "Closed"),
        (lifecycle.Facts(once_proven=True, address_changed=True), "Closed", "AddressChanged"),
        (lifecycle.Facts(draining=True, obstacle=OBSTACLE), "Draining", "Draining"),
        (lifecycle.Facts(once_proven=True, fault=OBSTACLE, closed=True), "Closed", "NoSecret"),
        (
            lifecycle.Facts(once_proven=True, fault=OBSTACLE, proof=lifecycle.Refused(401)),
            "Closed",
            "NoSecret",
        ),
        (
            lifecycle.Facts(once_proven=True, fault=OBSTACLE, proof=lifecycle.Silent("")),
            "Closed",
            "Silent",
        ),
        (lifecycle.Facts(once_proven=True, at_cap=True), "Closed", "Full"),
        (
            lifecycle.Facts(once_proven=True, at_cap=True, proof=lifecycle.Silent("")),
            "Closed",
            "Silent",
        ),
    ],
)
def test_facts_decide_state_and_reason(facts: lifecycle.Facts, state: str, reason: str) -> None:
    verdict = lifecycle.judge(facts)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert verdict.ready is (state == "Ready")
    assert bool(verdict.sentence) is not verdict.ready


def test_a_relay_that_refuses_for_its_cap_says_so_and_not_that_its_quota_is_used_up() -> None:
    for once_proven in (True, False):
        refusing = lifecycle.Facts(
            once_proven=once_proven, at_cap=True, proof=lifecycle.Refused(486)
        )
        assert "bandwidthPerRelay" in lifecycle.judge(refusing).sentence


def test_one_lost_answer_closes_nothing_and_a_second_one_does() -> None:
    lost = lifecycle.Silent("no answer within 1 s")
    first = lifecycle.believe(lost, before=lifecycle.Proven())
    assert lifecycle.judge(lifecycle.Facts(once_proven=True, proof=first)).ready
    assert lifecycle.believe(lost, before=first) == lost
    assert lifecycle.believe(lifecycle.Proven(), before=first) == lifecycle.Proven()
    assert lifecycle.believe(lost, before=lifecycle.Unproven()) == lost


def test_a_refusal_is_believed_at_once() -> None:
    refused = lifecycle.Refused(486)
    assert lifecycle.believe(refused, before=lifecycle.Proven()) == refused


def test_since_moves_only_with_the_state() -> None:
    standing = lifecycle.start(now=1)
    standing = lifecycle.advance(standing, lifecycle.Facts(obstacle=OBSTACLE), now=2)
    assert (standing.verdict.reason, standing.since) == ("NoSecret", 1)
    standing = lifecycle.advance(standing, PROVEN, now=3)
    assert (standing.verdict.state, standing.since) == (contract.State.READY, 3)
    assert lifecycle.advance(standing, PROVEN, now=4) is standing


def test_the_wait_doubles_to_half_a_minute_and_a_long_life_forgives() -> None:
    waits, state = [], backoff.Backoff()
    for _ in range(9):
        state = state.ended(ran=1)
        waits.append(state.delay)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert state.ended(ran=61).delay == 0.5


def folder(**files: bytes) -> auth.Auth | str:
    return auth.parse(files.get)


def test_the_old_secret_is_good_until_it_retires() -> None:
    found = folder(current=b" new-secret-of-16-bytes\n", previous=b"old-secret-of-16-bytes",
                   generation=b"7", retireAfter=b"1000.5")  # fmt: skip
    assert isinstance(found, auth.Auth)
    assert found.generation == 7
    assert len(found.secrets(999)) == 2
    assert found.secrets(1000) == {"new-secret-of-16-bytes"}


def test_without_a_date_the_old_secret_never_retires() -> None:
    found = folder(current=b"new-secret-of-16-bytes", previous=b"old-secret-of-16-bytes")
    assert isinstance(found, auth.Auth)
    assert len(found.secrets(1e12)) == 2


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no secret yet"),
        ({"current": b"  \n"}, "holds no secret yet"),
        ({"current": b"k" * 15}, "too short: it has 15 bytes"),
        ({"current": b"k" * 129}, "too long: it has 129 bytes"),
        ({"current": b"k" * 16, "previous": b"kk"}, "file previous is too short"),
        ({"current": b"k" * 10 + b"\x00" + b"k" * 10}, "control characters"),
        ({"current": b"\xff" * 20}, "not text in UTF-8"),
        ({"current": b"k" * 16, "generation": b"seven"}, "generation is not a decimal number"),
        ({"current": b"k" * 16, "retireAfter": b"-1"}, "retireAfter is not a decimal number"),
        ({"current": b"k" * 16, "generation": b"9" * 5000}, "is not a decimal number"),
    ],
)
def test_a_secret_that_is_none_is_told_without_showing_it(
    files: dict[str, bytes], sentence: str
) -> None:
    found = folder(**files)
    assert isinstance(found, str)
    assert sentence in found
    assert "kkk" not in found


def test_a_secret_never_shows_in_a_representation() -> None:
    assert "k" * 16 not in repr(folder(current=b"k" * 16, previous=b"k" * 16))


def test_names_of_users_are_left_out_of_the_log() -> None:
    line = "12: : session 1: realm <turn.example.com> user <17:alice>: incoming username=<bob>\x1b"
    shown = coturn.redact(line)
    assert "alice" not in shown
    assert "bob" not in shown
    assert "\x1b" not in shown
    assert "turn.example.com" in shown


def settings(**changes: object) -> config.Config:
    found = config.parse(json.dumps(agents.document(**changes)).encode())
    assert isinstance(found, config.Config)
    return found


def test_the_load_is_the_worst_of_allocations_ports_and_traffic() -> None:
    usage = counting.Usage(allocations=100, ports_used=100)
    assert counting.load(used=usage, bits=9e9, settings=settings()) == round(100 / 848, 6)
    assert counting.load(used=usage, bits=0, settings=settings(live_allocationsPerRelay=200)) == 0.5
    limited = settings(live_bandwidthPerRelay=1_000_000)
    assert counting.load(used=usage, bits=900_000, settings=limited) == 0.9


def test_sockets_of_coturn_in_the_relay_range_are_counted_per_family(tmp_path: Path) -> None:
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "net").mkdir()
    for number, inode in enumerate(("11", "12", "13", "14")):
        (tmp_path / "7" / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
    row = "  1: 0101017F:{:04X} 00000000:0000 07 00000000:00000000 00:00000000 0 0 0 {} 2 x 0\n"
    (tmp_path / "7" / "net" / "udp").write_text(
        "head\n" + row.format(49152, 11) + row.format(3478, 12) + row.format(49153, 99)
        + row.format(49999, 13)
    )  # fmt: skip
    (tmp_path / "7" / "net" / "udp6").write_text("head\n" + row.format(49200, 14))
    ports = config.PortRange(min=49152, max=49999)
    found = counting.usage(process=7, ports=ports, proc=tmp_path)
    assert found == counting.Usage(allocations=3, ports_used=2, sockets=frozenset({11, 13, 14}))
    found = counting.usage(process=7, ports=ports, own_ports={49999}, proc=tmp_path)
    assert found == counting.Usage(allocations=2, ports_used=1, sockets=frozenset({11, 14}))
    assert counting.usage(process=8, ports=ports, proc=tmp_path) is None


def test_traffic_is_read_at_the_interface_and_a_counter_that_begins_anew_is_no_silence(
    tmp_path: Path,
) -> None:
    (tmp_path / "net").mkdir()
    table = tmp_path / "net" / "dev"
    table.write_text("h\nh\n  eth0: 1000 1 0 0 0 0 0 0 3000 1 0 0 0 0 0 0\n")
    before = counting.traffic("eth0", at=1, proc=tmp_path)
    table.write_text("h\nh\n  eth0: 2000 1 0 0 0 0 0 0 4000 1 0 0 0 0 0 0\n")
    after = counting.traffic("eth0", at=3, proc=tmp_path)
    assert before is not None
    assert after is not None
    assert counting.bitrate(before, after) == 8000
    began_anew = counting.Traffic(total=10, at=4)
    assert counting.bitrate(after, began_anew) is None
    assert counting.bitrate(after, after) is None
    assert counting.traffic("eth1", at=1, proc=tmp_path) is None
    assert counting.interface_of("127.0.0.9") is None


@pytest.mark.parametrize(
    ("found", "accepted"),
    [
        (lifecycle.Proven(), True),
        (lifecycle.Refused(486), True),
        (lifecycle.Refused(508), True),
        (lifecycle.Refused(401), False),
        (lifecycle.Refused(403), False),
        (lifecycle.Silent("no answer"), False),
        (lifecycle.Unproven(), False),
    ],
)
def test_a_full_relay_has_accepted_the_secret_all_the_same(
    found: lifecycle.Proof, *, accepted: bool
) -> None:
    assert lifecycle.accepts_secret(found) is accepted
