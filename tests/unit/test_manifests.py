"""From the text of a YAML file to manifests, whatever the text is."""

import time
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.support import turnregions

from turnfleet.sources import manifests

MINIMAL = (turnregions.EXAMPLES / "minimal.yaml").read_text(encoding="utf-8")


def only(text: str) -> manifests.Manifest:
    (manifest,) = manifests.read_text(text, "file.yaml")
    return manifest


def complaint(text: str) -> str:
    manifest = only(text)
    assert manifest.spec is None
    assert manifest.name is None
    (problem,) = manifest.problems
    return str(problem)


def test_each_document_is_a_manifest_with_its_file_its_place_and_its_name() -> None:
    second = MINIMAL.replace("eu-north", "eu-south")

    found = manifests.read_text(f"{MINIMAL}---\n# nothing\n---\n{second}", "file.yaml")

    assert [(m.file, m.index, m.line, m.name) for m in found] == [
        ("file.yaml", 0, 3, "eu-north"),
        ("file.yaml", 2, 15, "eu-south"),
    ]
    assert all(m.spec and m.spec.name == m.name and m.problems == () for m in found)


@pytest.mark.parametrize("text", ["", "\n", "# a comment\n", "---\n---\n", "--- ~\n", "\ufeff"])
def test_empty_documents_are_no_manifests(text: str) -> None:
    assert manifests.read_bytes(text.encode(), "file.yaml") == ()


def test_a_refused_region_keeps_its_name_so_that_what_runs_can_be_held() -> None:
    manifest = only(MINIMAL.replace("latitude: 59.33", "latitude: 159.33"))

    assert manifest.name == "eu-north"
    assert manifest.spec is None
    assert [problem.path for problem in manifest.problems] == ["spec.location.latitude"]


def test_a_name_that_is_none_is_not_passed_on() -> None:
    assert only(MINIMAL.replace("eu-north", r'"\e[31m"')).name is None


def test_unknown_fields_are_passed_on() -> None:
    assert only(MINIMAL + "  wieght: 3\n").unknown == ("spec.wieght",)


def test_documents_before_broken_yaml_are_read_and_the_break_is_located() -> None:
    good, broken = manifests.read_text(MINIMAL + "---\nspec: {a: [1, 2}\n", "file.yaml")

    assert good.name == "eu-north"
    assert (broken.index, broken.name, broken.spec) == (1, None, None)
    assert broken.problems[0].path == "line 11, column 16"
    assert broken.line == 11


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a: 1\na: 2", "line 2, column 1: this key is written twice"),
        ("x: &a {b: 1}\ny: {<<: *a}", "line 2, column 5: merge keys (<<) are not read; write"),
        ("? {}\n: 1", "line 1, column 3: found unhashable key"),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("a: \x00", "character 4: control characters are not allowed; take the control"),
        ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor"),
        ("a: !!int x", "line 1, column 4: this value cannot be read; put text in quotes"),
        ("a: !!int ''", "line 1, column 4: this value cannot be read; put text in quotes"),
        ("a: " + "9" * 6000, "line 1, column 4: this value cannot be read; put text in quotes"),
        ("!!map [a]", "line 1, column 1: expected a mapping node, but found sequence"),
        ("\t\ta: 1", "line 1, column 1: found character that cannot start any token"),
        ("[" * 900, "file: the file is nested more than 40 levels deep; no TurnRegion is"),
        ("- " * 10_000, "file: the file is nested more than 40 levels deep; no TurnRegion is"),
        ("[" + "a," * 60_000, "file: the file has more than 50000 values; split it"),
        ("#" * 1_100_000, "file: the file is over 1048576 characters; split it"),
        ("- a", "document: a list of 1 is not accepted here; write a mapping of fields"),
        ("x\ud800", 'document: "x?" is not accepted here; write a mapping of fields'),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_hostile_text_is_refused_in_a_sentence(text: str, expected: str) -> None:
    assert complaint(text).startswith(expected)


def test_what_libyaml_itself_finds_too_deep_is_refused_in_a_sentence() -> None:
    # 0.2.6 gives up at a thousand levels, and those before it leave that to us.
    assert "nest" in complaint("[" * 100_000)


def test_bytes_that_are_not_utf8_are_refused_at_their_line() -> None:
    (manifest,) = manifests.read_bytes(b"a: 1\nb: \xff\n", "file.yaml")

    assert str(manifest.problems[0]) == "line 2: this is not UTF-8 text; save the file as UTF-8"


def test_too_many_bytes_are_refused_before_they_are_decoded() -> None:
    (manifest,) = manifests.read_bytes(b"\xff" * (manifests.SIZE_MAX + 1), "file.yaml")

    assert "split it" in manifest.problems[0].sentence


def test_a_date_is_text_as_it_is_to_kubernetes() -> None:
    manifest = only(MINIMAL.replace("turn.example.com", "2025-01-01"))

    assert manifest.spec
    assert manifest.spec.realm == "2025-01-01"


def test_an_anchor_may_be_used_again() -> None:
    text = MINIMAL + "  listeners:\n    udp: &port {port: 3478}\n    tcp: *port\n"

    manifest = only(text)

    assert manifest.spec
    assert manifest.spec.listeners.tcp == 3478


def _bombs() -> Iterator[str]:
    fan = ",".join(["*a{0}"] * 9)
    lists = "".join(f"a{n + 1}: &a{n + 1} [{fan.format(n)}]\n" for n in range(38))
    yield f"{MINIMAL}a0: &a0 [x]\n{lists}  "
    yield f"a0: &a0 [x]\n{lists}apiVersion: *a38\nkind: *a38\nmetadata: *a38\nspec: *a38\n"
    yield MINIMAL + "  peers: &loop {deny: [*loop, *loop], allow: *loop}\n"
    yield MINIMAL + f"  externalRelays: [{'{},' * 10_000}]\n"
    yield MINIMAL + f"  relays: {{nodeSelector: {{{','.join(f'k{n}: v' for n in range(9000))}}}}}\n"
    yield MINIMAL + "".join(f"  k{n}: v\n" for n in range(20_000))
    yield "".join(f"---\n{n}\n" for n in range(10_000))


@pytest.mark.parametrize("bomb", tuple(_bombs()), ids=range(7))
def test_a_bomb_is_refused_or_read_in_moments(bomb: str) -> None:
    started = time.process_time()

    found = manifests.read_text(bomb, "file.yaml")

    assert time.process_time() - started < 5
    assert found


_PIECES = (
    "a : - [ ] { } &x *x !!int !!set << ? ' \" | 1 .inf --- ... # %YAML , !!omap !!binary !!float "
    "!!timestamp !!null !!bool !!str !!pairs = ~ ! @ \x01 \ud800"
)
_TEXTS = st.lists(st.sampled_from([*_PIECES.split(" "), "\n", "\t"]), max_size=14).map(" ".join)


@hypothesis.given(st.binary(max_size=60) | _TEXTS)
@hypothesis.settings(max_examples=600)
def test_any_file_is_read_or_refused(content: bytes | str) -> None:
    found = (
        manifests.read_text(content, "file.yaml")
        if isinstance(content, str)
        else manifests.read_bytes(content, "file.yaml")
    )
    for manifest in found:
        assert (manifest.spec is None) == bool(manifest.problems)
        assert all(str(problem).isprintable() for problem in manifest.problems)


def test_a_name_declared_twice_is_refused_the_second_time_with_the_place_of_the_first() -> None:
    first = manifests.read_text(MINIMAL, "a.yaml")
    second = manifests.read_text(MINIMAL.replace("59.33", "95"), "b.yaml")
    other = manifests.read_text(MINIMAL.replace("eu-north", "eu-south"), "c.yaml")

    checked = manifests.refuse_repeats([*first, *second, *other])

    assert [bool(m.spec) for m in checked] == [True, False, True]
    assert [problem.path for problem in checked[1].problems] == [
        "spec.location.latitude",
        "metadata.name",
    ]
    assert checked[1].problems[1].sentence == (
        "a region named eu-north is already declared in a.yaml, line 3;"
        " give one of the two another name"
    )


def test_documents_without_a_name_repeat_nothing() -> None:
    broken = manifests.read_text("a: [", "a.yaml")

    assert manifests.refuse_repeats([*broken, *broken]) == (*broken, *broken)


def test_fields_are_found_at_their_lines_and_missing_ones_at_their_parents() -> None:
    manifest = only(
        "apiVersion: turnfleet.io/v1alpha1\n"
        "kind: TurnRegion\n"
        "metadata:\n"
        "  name: here\n"
        "spec:\n"
        "  location:\n"
        "    latitude: 50\n"
        "  realm: turn.example.com\n"
        "  relayPort: {min: 50000, max: 50199}\n"
        "  peers:\n"
        "    deny:\n"
        "      - 10.0.0.0/8\n"
        "      - nonsense\n"
    )

    lines = {problem.path: manifest.line_of(problem.path) for problem in manifest.problems}
    assert lines == {"spec.location.longitude": 6, "spec.peers.deny[1]": 13}
    assert manifest.warnings == (
        "file.yaml:9: warning: spec.relayPort is not a field of a TurnRegion and is ignored",
    )


def test_many_unknown_fields_are_found_in_no_time() -> None:
    began = time.monotonic()
    manifest = only(MINIMAL + "".join(f"  field-{number}: 1\n" for number in range(20_000)))

    assert manifest.line_of("spec.field-19999") == MINIMAL.count("\n") + 20_000
    assert time.monotonic() - began < 20
