"""What relays of one machine are told, from what their region declares."""

import json
import time
from pathlib import Path

from turnfleet.local import blueprints, certificates, secrets
from turnfleet.model import region
from turnfleet.plan import placement

MACHINE = blueprints.Machine(
    ground=placement.Loopback(block=50), turnserver="turnserver", lowest_port=1024
)
NAMED = region.RegionSpec(
    name="named",
    latitude=50.11,
    longitude=8.68,
    realm="turn.example.com",
    listeners=region.Listeners(udp=3478, tls=5349, tls_secret_name="turn-tls"),
    addresses=region.Addresses(hostname="{node}.turn.example.com"),
)


def test_a_relay_is_not_told_of_names_that_no_client_is_given(tmp_path: Path) -> None:
    """Or its agent would look for them in certificates, which are for addresses here."""
    draft = blueprints.draft(
        specs=[NAMED],
        occupied=(),
        machine=MACHINE,
        vault=secrets.Vault(tmp_path / "secrets", token=bytes),
        authority=certificates.Authority(tmp_path / "tls", clock=time.time),
    )
    assert "turnfleet run has no names" in draft.unheeded[0]
    told = [json.loads(blueprint.text) for blueprint in draft.blueprints.values()]
    assert told
    assert not any("hostname" in each["live"] for each in told)
