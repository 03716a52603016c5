"""CoreDNS on this machine's end of the bridge: the names of services, for pods that ask.

It knows the cluster's own zone and no other. What it knew it goes on telling while the API server
is away.
"""

from pathlib import Path
from typing import Final

from tests.e2e.cluster import shape

NAME: Final = "coredns"


def command(programs: Path, corefile: Path) -> tuple[str, ...]:
    """Return the words that start it."""
    return (str(programs / NAME), f"-conf={corefile}")


def corefile(kubeconfig: Path) -> str:
    """Return its configuration; ``kubeconfig`` is what it reaches the API server with."""
    return f"""\
{shape.CLUSTER_ZONE} {{
    bind {shape.GATEWAY}
    errors
    kubernetes {{
        kubeconfig {kubeconfig}
    }}
}}
"""
