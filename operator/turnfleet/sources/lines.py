"""Finds the line of a field in the YAML that it was read from. Pure; decides nothing.

Walks down from the document to each path that is asked for, and never the whole document: aliases
could unfold that to gigabytes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import yaml

from turnfleet.model import quoting

_END: Final = re.compile(r"[.\[]|$")
"""Where the name of a field may end; names may hold both characters themselves."""
_ITEM: Final = re.compile(r"\[(\d+)\]\.?")


def find(document: yaml.Node, paths: Iterable[str]) -> dict[str, int]:
    """Return the line, from 1, of every path: of its nearest parent where it is not written."""
    index: _Index = {}
    return {path: _line(document, path, index) for path in paths}


_Index = dict[int, Mapping[str, tuple[yaml.Node, yaml.Node]]]


def _line(document: yaml.Node, path: str, index: _Index) -> int:
    node, rest = document, path
    line = document.start_mark.line + 1
    while rest:
        step = _step(node, rest, index)
        if step is None:
            break
        line, node, rest = step
    return line


def _step(node: yaml.Node, rest: str, index: _Index) -> tuple[int, yaml.Node, str] | None:
    """Return the line of the path's next part, its value, and what is left of the path."""
    if isinstance(node, yaml.MappingNode):
        if id(node) not in index:
            index[id(node)] = _fields(node)
        fields = index[id(node)]
        for end in _END.finditer(rest):
            if found := fields.get(rest[: end.start()]):
                key, value = found
                return key.start_mark.line + 1, value, rest[end.start() :].removeprefix(".")
    item = _ITEM.match(rest)
    if isinstance(node, yaml.SequenceNode) and item is not None and int(item[1]) < len(node.value):
        value = node.value[int(item[1])]
        return value.start_mark.line + 1, value, rest[item.end() :]
    return None


def _fields(node: yaml.MappingNode) -> Mapping[str, tuple[yaml.Node, yaml.Node]]:
    return {
        quoting.printable(key.value): (key, value)
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    }
