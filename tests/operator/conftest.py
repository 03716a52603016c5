"""An operator in this process, on a server on loopback that takes writes as Kubernetes does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import apiservers, operators, writing


@pytest.fixture
async def cluster() -> AsyncIterator[writing.Cluster]:
    server = writing.Cluster()
    async with apiservers.serving(server):
        yield server


@pytest.fixture
async def operator(cluster: writing.Cluster, tmp_path: Path) -> AsyncIterator[operators.Running]:
    async with operators.operating_in(cluster, tmp_path) as running:
        yield running


@pytest.fixture
def kubeconfig(server: apiservers.ApiServer, tmp_path: Path) -> Path:
    return server.kubeconfig(tmp_path)
