"""From the text of a YAML file to TurnRegions: shared by ``validate`` and the folder source.

Pure and total: hostile text gives problems, never an exception, and never more work than its size
allows. It decides nothing about a region; ``model.turnregion`` does.
"""

import contextlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import yaml

from turnfleet.model import region, syntax, turnregion
from turnfleet.sources import lines

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""Files of a folder that count as manifests."""

SIZE_MAX: Final = 1 << 20
"""Longest text that is read, in bytes: room for some hundred regions."""

EVENTS_MAX: Final = 50_000
"""Most YAML events that are read, some 200 to a region: composing these takes half a second."""

DEPTH_MAX: Final = 40
"""Deepest nesting that is read, where a TurnRegion needs 7: composing recurses without a guard."""


_MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One document of a file: a region, or the reasons why it is none."""

    file: str
    index: int
    """Which document of the file, from 0."""
    line: int
    """Where it begins, from 1."""
    name: str | None
    """The region's name, known even where the rest is refused; ``None`` where it is no name."""
    spec: region.RegionSpec | None
    """``None`` when and only when there are problems."""
    problems: tuple[region.Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    """Paths of fields that nothing reads."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where the fields are that have a problem or are unknown."""
    document: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The document as it is written; empty where it is no mapping."""

    def line_of(self, path: str) -> int:
        """Return the line of a field, or of what it is missing in."""
        return self.lines.get(path, self.line)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for every field that nothing reads, as the API server does."""
        return tuple(
            f"{self.file}:{self.line_of(path)}: warning: {path} is not a field of a TurnRegion "
            "and is ignored"
            for path in self.unknown
        )

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return a sentence for every problem, as compilers do: file, line, what is wrong."""
        said = []
        for problem in self.problems:
            line = self.line_of(problem.path)
            what = str(problem).removeprefix(f"line {line}, ").removeprefix(f"line {line}: ")
            said.append(f"{self.file}:{line}: {what}")
        return tuple(said)


def read_bytes(data: bytes, name: str) -> tuple[Manifest, ...]:
    """Return what a file holds, as ``read_text`` does; ``data`` must be UTF-8."""
    if len(data) > SIZE_MAX:
        return (_broken(name, 0, 1, "file", f"the file is over {SIZE_MAX} bytes; split it"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        sentence = "this is not UTF-8 text; save the file as UTF-8"
        return (_broken(name, 0, line, f"line {line}", sentence),)
    return read_text(text, name)


def read_text(text: str, name: str) -> tuple[Manifest, ...]:
    """Return one Manifest per YAML document of ``text``, in order; empty documents count for none.

    Broken YAML ends the reading: the documents before it are returned, then one Manifest without
    a name, whose problem says where and what. Whatever followed it is unknown, not absent.
    """
    if len(text) > SIZE_MAX:
        return (_broken(name, 0, 1, "file", f"the file is over {SIZE_MAX} characters; split it"),)
    data = text.encode("utf-8", "replace")
    excess = _excess(data)
    if excess:
        return (_broken(name, 0, 1, "file", excess),)
    return tuple(_manifests(data, name))


def refuse_repeats(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Return the manifests, each later one of a name already seen refused: names are unique."""
    first: dict[str, Manifest] = {}
    checked = []
    for manifest in manifests:
        name = manifest.name
        earlier = first.setdefault(name, manifest) if name is not None else manifest
        if earlier is manifest:
            checked.append(manifest)
            continue
        problem = region.Problem(
            path="metadata.name",
            sentence=f"a region named {name} is already declared in {earlier.file}, line"
            f" {earlier.line}; give one of the two another name",
        )
        checked.append(replace(manifest, spec=None, problems=(*manifest.problems, problem)))
    return tuple(checked)


def _manifests(data: bytes, name: str) -> Iterator[Manifest]:
    index = 0
    loader = _Loader(data)
    line = 1
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            document = loader.construct_document(node)
            if document is not None:
                yield _manifest(document, name, index, node)
            index += 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        sentence = "; ".join(part for part in (error.problem, error.context) if part)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else f"line {line}"
        yield _broken(name, index, mark.line + 1 if mark else line, where, sentence)
    except yaml.reader.ReaderError as error:
        where = f"character {error.position + 1}"
        sentence = f"{error.reason}; take the control character out"
        yield _broken(name, index, line, where, sentence)
    finally:
        loader.dispose()


def _manifest(document: object, file: str, index: int, node: yaml.Node) -> Manifest:
    outcome = turnregion.parse(document)
    spec = outcome if isinstance(outcome, region.RegionSpec) else None
    problems = () if isinstance(outcome, region.RegionSpec) else outcome
    unknown = turnregion.unknown_fields(document)
    return Manifest(
        file=file,
        index=index,
        line=node.start_mark.line + 1,
        name=spec.name if spec else _name(document),
        spec=spec,
        problems=problems,
        unknown=unknown,
        lines=lines.find(
            node, ["metadata.name", *(problem.path for problem in problems), *unknown]
        ),
        document=document if isinstance(document, dict) else {},
    )


def _name(document: object) -> str | None:
    match document:
        case {"metadata": {"name": str(name)}} if syntax.NAME.accepts(name):
            return name
        case _:
            return None


def _broken(file: str, index: int, line: int, where: str, sentence: str) -> Manifest:
    problem = region.Problem(path=where, sentence=sentence)
    return Manifest(file=file, index=index, line=line, name=None, spec=None, problems=(problem,))


def _excess(data: bytes) -> str | None:
    """Return why a text is too much to compose; broken YAML is left to composing to find."""
    depth = count = 0
    with contextlib.suppress(yaml.YAMLError):
        for event in yaml.parse(data, Loader=_Loader):
            count += 1
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEPTH_MAX:
                return f"the file is nested more than {DEPTH_MAX} levels deep; no TurnRegion is"
            if count > EVENTS_MAX:
                return f"the file has more than {EVENTS_MAX} values; split it"
    return None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as Kubernetes does: no merge keys, no dates, no key twice in one mapping."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 - PyYAML's own
        """Give every failing value its place: 5,000 digits, or a tag that its text does not fit."""
        try:
            value: object = super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise _misplaced("this value cannot be read; put text in quotes", node) from error
        return value

    def construct_mapping(
        self,
        node: yaml.Node,  # a MappingNode, or !!map before something else
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's own
    ) -> dict[Hashable, object]:
        """Refuse a key written twice, of which PyYAML takes the last, and ``<<``, which copies.

        A few lines of merge keys could otherwise unfold to gigabytes.
        """
        seen: set[tuple[str, str]] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.tag == _MERGE:
                raise _misplaced("merge keys (<<) are not read; write the fields out", key)
            if (key.tag, key.value) in seen:
                raise _misplaced("this key is written twice", key)
            seen.add((key.tag, key.value))
        mapping: dict[Hashable, object] = super().construct_mapping(node, deep)
        return mapping


def _misplaced(sentence: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, sentence, node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
