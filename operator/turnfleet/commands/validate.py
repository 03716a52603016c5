"""``turnfleet validate``: says what is wrong with TurnRegion manifests before anything runs them.

It reads files and nothing else: no cluster, no network. Exit code 0: every manifest is a region;
1: some are not; 2: something could not be read, or there was nothing to read.
"""

import argparse
import ipaddress
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from turnfleet import settings
from turnfleet.commands import declared, output
from turnfleet.model import region
from turnfleet.sources import manifests
from turnrelay import ranges

NAME: Final = "validate"
HELP: Final = "Check TurnRegion manifests without running anything."

_NOTES_MAX: Final = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=declared.FILE_HELP,
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Check every manifest and report; return the exit code."""
    del environment
    read = list(declared.read(args.files))
    unreadable = [outcome for outcome in read if isinstance(outcome, declared.Unreadable)]
    found = manifests.refuse_repeats(
        manifest
        for outcome in read
        if not isinstance(outcome, declared.Unreadable)
        for manifest in outcome
    )
    notes = _notes([manifest.spec for manifest in found if manifest.spec])
    if console.as_json:
        console.json(_report(found, unreadable, notes))
    else:
        _print(console, found, unreadable, notes)
    if unreadable or not found:
        return 2
    return 0 if all(manifest.spec for manifest in found) else 1


def _notes(specs: Sequence[region.RegionSpec]) -> tuple[str, ...]:
    """Return what is no problem everywhere."""
    pairs = [(a, b) for a, b in itertools.combinations(specs, 2) if _share_ports(a, b)]
    shared = (
        f"{first.name} and {second.name} share ports: fine on nodes of their own, but"
        " `turnfleet run --address` needs them apart"
        for first, second in pairs[:_NOTES_MAX]
    )
    vain = (
        f"{spec.name} allows peers that coturn refuses all the same from 4.17 on, since they are"
        f" link-local, unique-local or site-local: {', '.join(networks)}"
        for spec in specs
        if (networks := [each for each in spec.peers.allow if _is_never_peer(each)])
    )
    return (*shared, *itertools.islice(vain, _NOTES_MAX))


def _is_never_peer(network: str) -> bool:
    return ranges.is_never_peer(ipaddress.ip_network(network))


def _share_ports(one: region.RegionSpec, other: region.RegionSpec) -> bool:
    ranges_meet = (
        one.relay_ports.min <= other.relay_ports.max
        and other.relay_ports.min <= one.relay_ports.max
    )
    ports, other_ports = (
        {spec.listeners.port(transport) for transport in region.Transport} - {None}
        for spec in (one, other)
    )
    return ranges_meet or bool(ports & other_ports)


def _report(
    found: Iterable[manifests.Manifest],
    unreadable: Iterable[declared.Unreadable],
    notes: Sequence[str],
) -> dict[str, object]:
    return {
        "manifests": [
            {
                "file": manifest.file,
                "line": manifest.line,
                "region": manifest.name,
                "valid": manifest.spec is not None,
                "problems": [
                    {
                        "path": problem.path,
                        "line": manifest.line_of(problem.path),
                        "sentence": problem.sentence,
                    }
                    for problem in manifest.problems
                ],
                "unknownFields": list(manifest.unknown),
            }
            for manifest in found
        ],
        "unreadable": [{"file": file.name, "sentence": file.sentence} for file in unreadable],
        "notes": list(notes),
    }


def _print(
    console: output.Console,
    found: Sequence[manifests.Manifest],
    unreadable: Sequence[declared.Unreadable],
    notes: Sequence[str],
) -> None:
    if found:
        console.table(
            ("region", "file", "line", "verdict"),
            [(m.name or "?", m.file, str(m.line), _verdict(m)) for m in found],
            tones=[output.Tone.GOOD if m.spec else output.Tone.BAD for m in found],
        )
    for manifest in found:
        for sentence in (*manifest.complaints, *manifest.warnings):
            console.complain(sentence)
    for file in unreadable:
        console.complain(f"{file.name}: {file.sentence}")
    if not found and not unreadable:
        console.complain("there is no TurnRegion in what was named; name a file that has one")
    for note in notes:
        console.say(f"Note: {note}.")


def _verdict(manifest: manifests.Manifest) -> str:
    count = len(manifest.problems)
    if count:
        return "1 problem" if count == 1 else f"{count} problems"
    return "valid, with warnings" if manifest.unknown else "valid"
