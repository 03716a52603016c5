"""Fences of every kind that hypothesis may think of, sensible or not."""

import ipaddress

from hypothesis import strategies as st

from turnrelay import fencing

PORT = st.integers(1, 65535)
PORTS = st.tuples(PORT, PORT).map(lambda ends: fencing.Ports(min(ends), max(ends)))
NETWORKS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
).map(lambda parts: ipaddress.ip_network(parts, strict=False))
FENCES = st.builds(
    fencing.Fence,
    group=st.integers(1, 65533),
    owner=st.uuids().map(str),
    listeners=st.lists(PORT, max_size=4),
    relay_ports=st.lists(PORTS, max_size=4),
    denied=st.lists(NETWORKS, max_size=5),
    allowed=st.lists(NETWORKS, max_size=5),
)
