"""The cables: one bridge, and a network namespace with one link to it for each node.

Every route is a direct one, so this machine forwards nothing and its settings stay as they are.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, shape

_FILTERS: Final = ("iptables", "ip6tables")
_LISTENERS: Final = ("udp", "tcp")
_PASS: Final = ("FORWARD", "-i", shape.BRIDGE, "-o", shape.BRIDGE, "-j", "ACCEPT")


def open_bridge() -> None:
    """Make the bridge, with this machine's address on it."""
    _ip("link", "add", shape.BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{shape.GATEWAY}/{shape.NODE_NETWORK.prefixlen}", "dev", shape.BRIDGE)
    # On for this link alone, where the machine has it off.
    Path(f"/proc/sys/net/ipv6/conf/{shape.BRIDGE}/disable_ipv6").write_text("0")
    _add_6(f"{shape.GATEWAY_6}/{shape.NODE_NETWORK_6.prefixlen}", shape.BRIDGE)
    _ip("link", "set", shape.BRIDGE, "up")
    for filters in filter(_filters_bridges, _FILTERS):
        # Another program here (a container engine) may drop what it forwards.
        commands.run(filters, "-w", "-I", *_PASS)


def close_bridge() -> None:
    """Take the bridge away, if it is there."""
    if commands.attempt("ip", "link", "del", shape.BRIDGE):
        for filters in filter(_filters_bridges, _FILTERS):
            commands.attempt(filters, "-w", "-D", *_PASS)


def plug(node: shape.NodeShape, neighbours: Iterable[shape.NodeShape]) -> None:
    """Make a node's namespace and link, and the routes between its pods and everybody else."""
    _ip("netns", "add", node.namespace)
    _ip("link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
    _ip("link", "set", node.link, "master", shape.BRIDGE, "up")
    inside = ("-n", node.namespace)
    _ip(*inside, "link", "set", "lo", "up")
    prefix = shape.NODE_NETWORK.prefixlen
    _ip(*inside, "addr", "add", f"{node.address}/{prefix}", "dev", "eth0")
    where = f"{node.address_6}/{shape.NODE_NETWORK_6.prefixlen}"
    _add_6(where, "eth0", "-n", node.namespace)
    _route_inside(node, neighbours)
    for setting in (
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
        "net.bridge.bridge-nf-call-iptables=1",
    ):
        # The last lets a pod reach a service whose other end is on its own node; old kernels
        # have it for the whole machine only, and none at all without br_netfilter.
        with contextlib.suppress(commands.Failed):
            _inside(node, "sysctl", "-qw", setting)
    for neighbour in neighbours:
        _route_pods(node, "-n", neighbour.namespace)
    _route_pods(node)


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
    # The kernel dropped this machine's routes to the pods if they went through a dead link.
    _route_pods(node)
    _route_inside(node, neighbours)


def close_6(node: shape.NodeShape) -> None:
    """Let nothing but the node itself reach what listens on its IPv6 address.

    The address itself stays: by it others reach the node's pods.
    """
    for protocol in _LISTENERS:
        _inside(node, *_drop_6("-I", node, protocol))


def open_6(node: shape.NodeShape) -> None:
    """Undo ``close_6``."""
    for protocol in _LISTENERS:
        _inside(node, *_drop_6("-D", node, protocol))


def _drop_6(how: str, node: shape.NodeShape, protocol: str) -> tuple[str, ...]:
    # From the node's own pods, too; only the node itself still gets there.
    match = ("!", "-i", "lo", "-d", node.address_6, "-p", protocol)
    return ("ip6tables", "-w", how, "INPUT", *match, "-j", "DROP")


def _add_6(address: str, link: str, *inside: str) -> None:
    # At once: nobody else has it, and until that is made sure of nobody could listen on it.
    _ip(*inside, "addr", "add", address, "dev", link, "nodad")


def _route_inside(node: shape.NodeShape, neighbours: Iterable[shape.NodeShape]) -> None:
    inside = ("-n", node.namespace)
    _ip(*inside, "link", "set", "eth0", "up")
    for gateway in (shape.GATEWAY, shape.GATEWAY_6):
        _ip(*inside, "route", "replace", "default", "via", gateway)
    for neighbour in neighbours:
        _route_pods(neighbour, *inside)


def _route_pods(node: shape.NodeShape, *inside: str) -> None:
    """Let this machine, or the namespace in ``inside``, reach the pods of a node."""
    _ip(*inside, "route", "replace", node.pods, "via", node.address)
    _ip(*inside, "route", "replace", node.pods_6, "via", node.address_6)


def _inside(node: shape.NodeShape, *command: str) -> None:
    commands.run("nsenter", f"--net=/run/netns/{node.namespace}", *command)


def _ip(*arguments: str) -> None:
    commands.run("ip", *arguments)


def _filters_bridges(filters: str) -> bool:
    setting = Path(f"/proc/sys/net/bridge/bridge-nf-call-{filters}")
    return setting.exists() and setting.read_text().strip() == "1"
