"""``turnfleet plan``: prints what the operator would apply for TurnRegions, before anybody does.

Offline it is what a new region consists of, as YAML; with ``--diff`` it is what would change in a
cluster. It applies nothing, and prints no secret. Exit code 0: every region would be followed; 1:
some would not; 2: something could not be read, or there was nothing to read.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import turnfleet
from turnfleet import settings
from turnfleet.commands import arguments, declared, output, showing
from turnfleet.model import region
from turnfleet.plan.cluster import acceptance, observed, planned, planning
from turnfleet.sources import manifests

NAME: Final = "plan"
HELP: Final = "Show what the operator would apply for TurnRegions, without applying it."

_ARGUMENTS: Final = "kubectl get deploy turnfleet-operator -n turnfleet -o jsonpath='{..args}'"
_NOWHERE: Final = "default"
_UNSEEN: Final = observed.Surroundings(agent_key="unknown", fresh_secret=b"unknown")
"""Stand-ins for secrets; ``showing`` keeps even those out of sight."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help=f"{declared.FILE_HELP}; may be given again",
    )
    parser.add_argument(
        "--namespace",
        type=arguments.namespace,
        metavar="NS",
        help=f"where regions are that do not say (default: {_NOWHERE})",
    )
    told = parser.add_argument_group(
        "as the operator is told", f"What it is told in a cluster, this shows: {_ARGUMENTS}"
    )
    told.add_argument(
        "--relay-image",
        default=f"turnfleet/relay:{turnfleet.__version__}",
        metavar="IMAGE",
        help="what relays run unless they say (default: %(default)s)",
    )
    told.add_argument(
        "--allow-image",
        action="append",
        default=[],
        metavar="PATTERN",
        help="images that a region may name in relays.image; may be given again",
    )
    told.add_argument(
        "--deny-peers",
        action="append",
        default=[],
        type=arguments.network,
        metavar="CIDR",
        help="the cluster's pods and services; may be given again",
    )
    told.add_argument("--priority-class", metavar="NAME", help="priority class of relays")
    told.add_argument(
        "--image-pull-secret",
        action="append",
        default=[],
        metavar="NAME",
        help="a Secret to pull images with; may be given again",
    )
    cluster = parser.add_argument_group("next to a cluster")
    cluster.add_argument(
        "--diff",
        action="store_true",
        help="show what would change in the cluster instead, if its regions had the fields of the"
        " files and no others; kubectl apply keeps fields that a file leaves out and others have"
        " set, such as kubectl scale: those are named",
    )
    cluster.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="how to reach the API server, for --diff (default: as kubectl)",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Print the plans; return the exit code."""
    if args.kubeconfig and not args.diff:
        raise output.Failure("--kubeconfig is of use with --diff only; add --diff.")
    found, unreadable = _read(args.files)
    for manifest in found:
        for sentence in (*manifest.complaints, *manifest.warnings):
            console.complain(sentence)
    for file in unreadable:
        console.complain(f"{file.name}: {file.sentence}")
    keyed = {_key(one, args.namespace): one for one in found if one.spec is not None}
    policy = observed.Policy(
        relay_image=args.relay_image,
        allowed_images=tuple(args.allow_image),
        denied_peers=tuple(map(str, args.deny_peers)),
        priority_class=args.priority_class,
        image_pull_secrets=tuple(args.image_pull_secret),
    )
    if args.diff:
        followed = _compare(keyed, policy, arguments.kubeconfig(args, environment), console)
    else:
        specs = {key: one.spec for key, one in keyed.items() if one.spec is not None}
        followed = _print(specs, policy, console)
    if unreadable or not found:
        return 2
    return 0 if followed and all(one.spec is not None for one in found) else 1


def _read(
    files: Sequence[str],
) -> tuple[tuple[manifests.Manifest, ...], tuple[declared.Unreadable, ...]]:
    read = list(declared.read(files))
    found = manifests.refuse_repeats(
        one for outcome in read if not isinstance(outcome, declared.Unreadable) for one in outcome
    )
    return found, tuple(one for one in read if isinstance(one, declared.Unreadable))


def _key(manifest: manifests.Manifest, namespace: str | None) -> tuple[str, str]:
    match manifest.document:
        case {"metadata": {"namespace": str(own)}}:
            return own, manifest.name or ""
        case _:
            return namespace or _NOWHERE, manifest.name or ""


def _print(
    specs: Mapping[tuple[str, str], region.RegionSpec],
    policy: observed.Policy,
    console: output.Console,
) -> bool:
    """Print what new regions consist of; return whether all would be followed."""
    listed = []
    refused = False
    for (namespace, name), spec in specs.items():
        verdict = acceptance.judge(observed.Wanted(spec=spec), _UNSEEN, policy)
        refused |= not verdict.accepted
        if not verdict.accepted:
            console.complain(f"{name}: {verdict.reason}: {verdict.sentence}")
        named = spec.auth.secret_name
        plan = _cold(namespace, spec, policy)
        bodies = [showing.redacted(one.key.kind, one.body, named=named) for one in plan.apply]
        listed.append(
            {
                "region": name,
                "namespace": namespace,
                "accepted": verdict.accepted,
                "reason": verdict.reason.value,
                "apply": bodies,
            }
        )
        for body in bodies:
            console.say(f"---\n{showing.text(body)}".rstrip())
    if console.as_json:
        console.json({"regions": listed})
    return not refused


def _cold(namespace: str, spec: region.RegionSpec, policy: observed.Policy) -> planned.Plan:
    """Return the plan for a region that has just been made, in a cluster that is not seen."""
    identity = observed.Identity(
        namespace=namespace,
        name=spec.name,
        uid=f"<uid of TurnRegion {spec.name}>",
        generation=1,
        created=0.0,
    )
    named = b"unknown" if spec.auth.secret_name is not None else None
    return planning.plan(
        identity=identity,
        wanted=observed.Wanted(spec=spec),
        seen=observed.Observed(named_secret=named),
        surroundings=_UNSEEN,
        policy=policy,
        now=0.0,
    )


def _compare(
    keyed: Mapping[tuple[str, str], manifests.Manifest],
    policy: observed.Policy,
    kubeconfig: Path | None,
    console: output.Console,
) -> bool:
    """Print what would change in a cluster; return whether all regions would be followed."""
    with output.needing("kubernetes"):
        # The client of the API server takes a while to load, and is an extra.
        from turnfleet.commands import differing  # noqa: PLC0415 - see above
    found = asyncio.run(differing.run(keyed, policy=policy, kubeconfig=kubeconfig))
    if console.as_json:
        console.json({"regions": [one.as_json() for one in found]})
    for one in found:
        for line in one.lines():
            console.say(line)
    return all(one.accepted for one in found)
