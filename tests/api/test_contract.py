"""openapi.json against the running endpoint: what it accepts, refuses and answers is as written."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from tests.support import endpoints, worlds

from turnfleet.api import board, openapi, written
from turnfleet.learn import report

# Of a fixture, so that only the worker that asks them thinks up its cases: it takes seconds.
CONTRACT = schemathesis.pytest.from_fixture("contract")


@pytest.fixture(scope="module")
def contract() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(openapi.document())


@pytest.fixture
def named(request: pytest.FixtureRequest) -> None:
    """Give the test its name where schemathesis looks for it; pytest 9.2 has it elsewhere."""
    request.node._nodeid = request.node.nodeid  # noqa: SLF001 - as schemathesis calls it


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run an endpoint beside the tests, which are not asynchronous."""
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    addresses: list[str] = []
    ready = threading.Event()

    async def run() -> None:
        current = board.Board()
        regions = worlds.three_regions()
        current.publish_regions(regions)
        current.publish_health(worlds.all_well(regions))
        async with endpoints.running(current) as endpoint:
            addresses.append(f"http://127.0.0.1:{endpoint.port}")
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    yield addresses[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(10)
    loop.close()


@CONTRACT.parametrize()
@pytest.mark.usefixtures("named")
@pytest.mark.timeout(600)  # it is all operations at once
@hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
def test_the_endpoint_keeps_its_contract(case: schemathesis.Case[Any], address: str) -> None:
    hypothesis.assume(not asks_for_a_policy_without_room(case))
    hypothesis.assume(not is_a_report_beyond_words(case))
    case.call_and_validate(base_url=address)


def asks_for_a_policy_without_room(case: schemathesis.Case[Any]) -> bool:
    """Tell the one rule that OpenAPI cannot: the profile relay needs format=config."""
    asked = {**(case.body if isinstance(case.body, dict) else {}), **(case.query or {})}
    return asked.get("profile") == "relay" and asked.get("format") != "config"


def is_a_report_beyond_words(case: schemathesis.Case[Any]) -> bool:
    """Tell what OpenAPI cannot: text that has to be JSON, and a kilobyte at most."""
    reported = case.operation.path == endpoints.REPORTS
    return reported and (
        case.media_type == "text/plain" or len(json.dumps(case.body, default=str)) > report.SIZE_MAX
    )


def test_every_field_that_is_read_is_written_down(contract: schemathesis.BaseSchema) -> None:
    asked = contract["/api/get-ice-servers"]["get"]

    assert {parameter.name for parameter in asked.query} == written.FIELDS


async def test_the_contract_is_served(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get("/openapi.json")

    assert reply.json == openapi.document()
