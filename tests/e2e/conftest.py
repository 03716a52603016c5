"""One cluster for the whole suite, and the table of what was done with it at the end."""

import asyncio
import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import pytest
from tests.e2e.cluster import bed, cluster, making, needs, places, shape, steps
from tests.support import cluster_asking, cluster_fleet, cluster_regions, cluster_scene, coturn

_ANSWER_WITHIN: Final = 90
"""Seconds from applying a region; it takes a tenth where the machine has nothing else to do."""
_PACKETS_WITHIN: Final = 150
_LAST: Final = ("test_outages", "test_uninstalling")
"""Files of tests that leave behind what others had better not find, in their order."""
_STEPS = pytest.StashKey[steps.Steps]()


@pytest.hookimpl(trylast=True)  # once the terminal's own plugin is there
def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def say(sentence: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"… {sentence}")

    config.stash[_STEPS] = steps.Steps(say=say)
    # Ending like Ctrl-C takes everything away; the default would leave it all behind.
    signal.signal(signal.SIGTERM, _interrupt)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return _LAST.index(item.path.stem) if item.path.stem in _LAST else -1

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        sentence = item.name.removeprefix("test_").replace("_", " ")
        item.config.stash[_STEPS].finished(sentence, report.duration, report.outcome)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    done = config.stash[_STEPS]
    if done.done:
        terminalreporter.section("steps and times")
        terminalreporter.write_line(done.table())


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> steps.Steps:
    """Give the run's table, to note a step or a figure in."""
    return pytestconfig.stash[_STEPS]


@pytest.fixture(scope="session")
def programs(told: steps.Steps) -> Path:
    """Give the folder of Kubernetes' programs, built where they are not there yet."""
    if sentence := needs.lacking():
        pytest.skip(sentence)
    return bed.build_programs(places.read(os.environ), told)


@pytest.fixture(scope="session")
def kubernetes(told: steps.Steps) -> Iterator[cluster.Cluster]:
    """Give a cluster booted for this run, or the one that was given explicitly."""
    where = places.read(os.environ)
    if sentence := needs.lacking():
        pytest.skip(sentence)
    if sentence := needs.in_the_way(where):
        pytest.exit(sentence, returncode=pytest.ExitCode.USAGE_ERROR)
    try:
        with bed.running(where, told) as booted:
            yield booted
    except making.Busy:
        pytest.exit("Another run has the cluster.", returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def fleet(
    kubernetes: cluster.Cluster,
    told: steps.Steps,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[cluster_fleet.Fleet]:
    """Give a fleet without regions, installed by Helm; it goes with the last test."""
    installed = cluster_fleet.Fleet(
        kubernetes=kubernetes,
        authority=coturn.authority(),
        folder=tmp_path_factory.mktemp("fleet"),
    )
    with told.step("helm install"):
        installed.install()
    yield installed
    with told.step("helm uninstall"):
        installed.uninstall()


@pytest.fixture(scope="session")
def back_end(fleet: cluster_fleet.Fleet) -> cluster_asking.BackEnd:
    """Give a back end that asks for servers with the key of the first install."""
    return cluster_asking.back_end(fleet)


@pytest.fixture(scope="session")
def central(
    fleet: cluster_fleet.Fleet, back_end: cluster_asking.BackEnd, told: steps.Steps
) -> cluster_regions.Region:
    """Give a region of two relays whose every URL is offered; how soon it was is in the table."""
    region = cluster_regions.central(fleet.kubernetes)
    fleet.certify((*region.addresses, shape.EXTRA_NODE.address))
    began = time.monotonic()
    fleet.apply(region.name, region.spec)
    while not (offers := asyncio.run(back_end.ask())):
        assert time.monotonic() - began < _ANSWER_WITHIN
    told.measured(f"first answer {time.monotonic() - began:.1f} s after kubectl apply")
    assert asyncio.run(back_end.refused(offers)) == ()
    while not region.is_complete(offers := asyncio.run(back_end.ask())):
        assert time.monotonic() - began < _ANSWER_WITHIN, offers
    told.measured(f"both relays, and TLS, {time.monotonic() - began:.1f} s after it")
    # Relays of private addresses deny each other until a kubelet brings them the fleet's addresses.
    while complaints := asyncio.run(back_end.complaints(offers)):
        assert time.monotonic() - began < _PACKETS_WITHIN, complaints
    told.measured(f"packets through every URL {time.monotonic() - began:.1f} s after it")
    return region


@pytest.fixture
async def scene(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> cluster_scene.Scene:
    """Give the region with an answer that offers all of it, to hold calls on."""
    return await cluster_scene.opened(fleet, back_end, central, told)
