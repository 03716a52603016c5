"""Which texts Helm takes for networks: all that the operator writes so, none that ends a guard."""

import ipaddress
import re
from collections.abc import Sequence

import hypothesis
from hypothesis import strategies as st
from tests.support import charts

from turnrelay import ranges

_BRIEF = hypothesis.settings(max_examples=15)
"""Each example is a run of helm, which looks at dozens of texts."""
_ADDRESSES = st.ip_addresses() | st.integers(0, 0xFFFF).map(ipaddress.IPv6Address)
_NETWORKS = st.builds(
    lambda address, length: ipaddress.ip_network(
        (address, length % (address.max_prefixlen + 1)), strict=False
    ),
    _ADDRESSES,
    st.integers(0, 128),
)
_WITH_LENGTH = st.builds(
    lambda address, length: f"{address}/{length}", _ADDRESSES, st.integers(0, 128)
)
_NOISE = st.text("0123456789af:./", max_size=43)
_PROBLEM = re.compile(r'regions\.eu\.spec\.peers\.deny has "([^"]*)", which is (.*?)\.(?= |$)')


@_BRIEF
@hypothesis.given(found=st.lists(_NETWORKS.map(str), min_size=30, max_size=60))
def test_every_network_in_its_usual_form_is_taken(chart: charts.Chart, found: list[str]) -> None:
    assert _problems(chart, found) == {}


@_BRIEF
@hypothesis.given(found=st.lists(_WITH_LENGTH | _NOISE, min_size=30, max_size=60))
def test_what_is_taken_ends_no_guard(chart: charts.Chart, found: list[str]) -> None:
    problems = _problems(chart, found)
    assert {text for text in found if ranges.read(text) is None} <= problems.keys()


@_BRIEF
@hypothesis.given(found=st.lists(_WITH_LENGTH, min_size=30, max_size=60))
def test_of_an_address_in_a_network_both_that_may_be_meant_are_told(
    chart: charts.Chart, found: list[str]
) -> None:
    for text, problem in _problems(chart, found).items():
        if problem.startswith("an address"):
            meant = re.findall(r"write (\S+) for the network, or (\S+) for the address", problem)
            ((network, alone),) = meant
            assert ranges.read(network) == ipaddress.ip_network(text, strict=False)
            assert ranges.read(alone) == ranges.read(text.partition("/")[0])


def _problems(chart: charts.Chart, found: Sequence[str]) -> dict[str, str]:
    """Return what Helm says of networks that a region denies."""
    spec = {
        "location": {"latitude": 1, "longitude": 2},
        "realm": "turn.example.com",
        "peers": {"deny": list(found)},
    }
    told = " ".join(chart.outcome({"regions": {"eu": {"spec": spec}}}).split())
    return dict(_PROBLEM.findall(told))
