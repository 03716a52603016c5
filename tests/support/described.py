"""Published regions made of bare coturns, for a prober that needs nothing else."""

from collections.abc import Sequence

from tests.support import coturn

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnrelay import contract


def relay(
    running: coturn.Coturn,
    name: str,
    *,
    region: str = "here",
    instance: str = "1",
    agent: fleet.AgentAddress | None = None,
    state: contract.State = contract.State.READY,
    hostname: str | None = None,
) -> fleet.Relay:
    """Describe a running coturn as its source would."""
    return fleet.Relay(
        region=region,
        name=name,
        instance=instance,
        node=name,
        zone=None,
        addresses=(running.address,),
        hostname=hostname,
        listeners=declared.Listeners(udp=running.udp, tcp=running.tcp, tls=running.tls),
        agent=agent,
        state=state,
        since=0.0,
    )


def region(
    relays: Sequence[fleet.Relay],
    *,
    name: str = "here",
    secret: bytes = coturn.SECRET,
    ca: str | None = None,
) -> fleet.Published:
    """Publish relays as one region."""
    return fleet.Published(
        spec=declared.RegionSpec(name=name, latitude=0, longitude=0, realm=coturn.REALM),
        relays=tuple(relays),
        secret=fleet.Secret(secret),
        ca=ca,
    )
