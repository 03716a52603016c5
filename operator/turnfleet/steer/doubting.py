"""Which relays of a region are doubted, of those that clients complain of. Excludes none.

Complaints prove nothing, and whoever makes them up may name every relay. So at most a quarter of
those that take clients in a region are doubted at once, and none where they are fewer than four.
"""

from collections.abc import Sequence
from typing import Final

from turnfleet.model import fleet
from turnfleet.steer import census, loading

ONE_IN: Final = 4
"""Of so many relays that take clients, one may be doubted."""


def doubted(members: Sequence[fleet.Member], suspects: Sequence[str]) -> frozenset[str]:
    """Return the names of a region's relays that are doubted.

    ``suspects`` names relays, the most suspicious first; those that take no clients anyway are
    passed over.
    """
    usable = [member for member in members if census.unusable(member) is None]
    roomy = [member for member in usable if not loading.of(member).full]
    taking = {member.relay.name for member in roomy or usable}
    return frozenset([name for name in suspects if name in taking][: len(taking) // ONE_IN])
