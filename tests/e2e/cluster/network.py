"""The cables: one bridge, and a network namespace with one link to it for each node.

Every route is a direct one, so this machine forwards nothing and its settings stay as they are.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, shape

_BRIDGED: Final = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_PASS: Final = ("FORWARD", "-i", shape.BRIDGE, "-o", shape.BRIDGE, "-j", "ACCEPT")


def open_bridge() -> None:
    """Make the bridge, with this machine's address on it."""
    _ip("link", "add", shape.BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{shape.GATEWAY}/{shape.NODE_NETWORK.prefixlen}", "dev", shape.BRIDGE)
    _ip("link", "set", shape.BRIDGE, "up")
    if _filters_bridges():  # another program here (a container engine) may drop what it forwards
        commands.run("iptables", "-w", "-I", *_PASS)


def close_bridge() -> None:
    """Take the bridge away, if it is there."""
    if commands.attempt("ip", "link", "del", shape.BRIDGE) and _filters_bridges():
        commands.attempt("iptables", "-w", "-D", *_PASS)


def plug(node: shape.NodeShape, neighbours: Iterable[shape.NodeShape]) -> None:
    """Make a node's namespace and link, and the routes between its pods and everybody else."""
    _ip("netns", "add", node.namespace)
    _ip("link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
    _ip("link", "set", node.link, "master", shape.BRIDGE, "up")
    inside = ("-n", node.namespace)
    _ip(*inside, "link", "set", "lo", "up")
    prefix = shape.NODE_NETWORK.prefixlen
    _ip(*inside, "addr", "add", f"{node.address}/{prefix}", "dev", "eth0")
    _route_inside(node, neighbours)
    for setting in ("net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=1"):
        # The second lets a pod reach a service whose other end is on its own node; old kernels
        # have it for the whole machine only, and none at all without br_netfilter.
        with contextlib.suppress(commands.Failed):
            _inside(node, "sysctl", "-qw", setting)
    for neighbour in neighbours:
        _ip("-n", neighbour.namespace, "route", "replace", node.pods, "via", node.address)
    _ip("route", "replace", node.pods, "via", node.address)


def route_services(node: shape.NodeShape) -> None:
    """Let this machine reach services through a node, whose kube-proxy knows where they are."""
    _ip("route", "replace", str(shape.SERVICE_NETWORK), "via", node.address)


def unplug(node: shape.NodeShape) -> None:
    """Take a node's link and namespace away, if they are there."""
    commands.attempt("ip", "link", "del", node.link)
    commands.attempt("ip", "netns", "del", node.namespace)


def cut(node: shape.NodeShape) -> None:
    """Pull the cable: nothing reaches the node, and nothing leaves it."""
    _ip("link", "set", node.link, "down")


def mend(node: shape.NodeShape, neighbours: Iterable[shape.NodeShape]) -> None:
    """Put the cable back."""
    _ip("link", "set", node.link, "up")
    # The kernel dropped this machine's route to the pods if it went through a dead link.
    _ip("route", "replace", node.pods, "via", node.address)
    _route_inside(node, neighbours)


def _route_inside(node: shape.NodeShape, neighbours: Iterable[shape.NodeShape]) -> None:
    inside = ("-n", node.namespace)
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "route", "replace", "default", "via", shape.GATEWAY)
    for neighbour in neighbours:
        _ip(*inside, "route", "replace", neighbour.pods, "via", neighbour.address)


def _inside(node: shape.NodeShape, *command: str) -> None:
    commands.run("nsenter", f"--net=/run/netns/{node.namespace}", *command)


def _ip(*arguments: str) -> None:
    commands.run("ip", *arguments)


def _filters_bridges() -> bool:
    return _BRIDGED.exists() and _BRIDGED.read_text().strip() == "1"
