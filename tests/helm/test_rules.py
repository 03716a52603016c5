"""Alerts: each is PromQL, of metrics and labels that the programs export, and says what to do."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import prometheus_client
import promql_parser as promql
import pytest
from prometheus_client import core, parser, registry
from tests.support import apiservers, charts, operators, replicas, writing

from turnfleet.api import heard
from turnfleet.handlers import metrics
from turnfleet.learn import convert, report
from turnfleet.model import region

_OF_A_TARGET = {"namespace", "pod", "exported_namespace"}
"""Labels that the Prometheus operator gives what it scrapes from pods."""
_EXAMPLE = charts.CHART / "ci" / "production-values.yaml"


def rules(rendering: charts.Rendering) -> list[dict[str, Any]]:
    groups = rendering.one("PrometheusRule", "turnfleet")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def parts(rule: Mapping[str, Any]) -> Iterator[object]:
    found: list[object] = []
    promql.walk(promql.parse(rule["expr"]), found.append)
    return iter(found)


@pytest.fixture
async def exported(
    server: apiservers.ApiServer, tmp_path: Path
) -> AsyncIterator[Mapping[str, set[str]]]:
    """Return the labels of every metric that running programs show, by its name."""
    cluster = writing.Cluster()
    place = replicas.a_place(tmp_path / "pod")
    await replicas.publish(server, replicas.a_relay("turn-eu-1", "127.0.0.1"))
    async with (
        apiservers.serving(cluster),
        operators.operating_in(cluster, tmp_path) as operator,
        replicas.running(place, server) as replica,
    ):
        await replica.until_named("turn-eu-1")
        _, endpoint = await replica.get("/metrics", port=replica.metrics_port)
        operator.counted.cut("relays", "eu", 1)
        yield _labels(endpoint, operator.figures(), _certificates(), _reports())


def _certificates() -> str:
    """Return the metrics of an operator that knows a certificate and a condition."""
    counted = metrics.Metrics()
    counted.watch_certificates(lambda: iter([("relays", "eu", 1.0)]))
    counted.watch_conditions(lambda: iter([("Accepted", "False")]))
    return counted.expose().decode()


def _reports() -> str:
    """Return what an endpoint shows of a report."""
    counted = heard.Heard()
    told = report.parse(
        b'{"rid": "x", "outcome": "connected",'
        b' "pair": {"local": "relay", "remote": "host", "protocol": "udp"}}'
    )
    assert isinstance(told, report.Report)
    route = convert.Route(region="eu", transport=region.Transport.UDP, named=False)
    counted.accept(told, {"turn:192.0.2.1:3478": route})

    class Page(registry.Collector):
        def collect(self) -> Iterator[core.Metric]:
            return counted.collect()

    page = registry.CollectorRegistry()
    page.register(Page())
    return prometheus_client.generate_latest(page).decode()


def _labels(*pages: str) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        for family in parser.text_string_to_metric_families(page):
            for sample in family.samples:
                found[sample.name] |= sample.labels.keys()
    return found


async def test_every_metric_and_label_of_an_alert_is_one_that_the_programs_export(
    chart: charts.Chart, exported: Mapping[str, set[str]]
) -> None:
    for rule in rules(chart.example(_EXAMPLE)):
        named, seen = set[str](), 0
        grouped: set[str] = set()
        for part in parts(rule):
            match part:
                case promql.VectorSelector(name=str(name)):
                    assert name in exported, rule["alert"]
                    named |= exported[name]
                    seen += 1
                    wanted = {matcher.name for matcher in part.matchers.matchers}
                    assert wanted <= exported[name] | _OF_A_TARGET, (rule["alert"], name)
                case promql.AggregateExpr() if part.modifier is not None:
                    grouped |= set(part.modifier.labels)
        assert seen
        assert grouped <= named | _OF_A_TARGET, rule["alert"]


def test_alerts_look_at_what_is_of_their_release(chart: charts.Chart) -> None:
    for rule in rules(chart.example(_EXAMPLE)):
        for part in parts(rule):
            if isinstance(part, promql.VectorSelector):
                values = {one.name: one.value for one in part.matchers.matchers}
                assert values["namespace"] == charts.NAMESPACE


def test_alerts_say_what_is_so_and_what_follows(chart: charts.Chart) -> None:
    found = rules(chart.example(_EXAMPLE))
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert all(text.endswith(".") for text in rule["annotations"].values())
        for text in rule["annotations"].values():
            for label in ("region", "pod"):
                if f"$labels.{label}" in text:
                    assert label in rule["expr"] or "by (" not in rule["expr"], rule["alert"]


@pytest.mark.parametrize(
    ("value", "given", "alert", "written"),
    [
        ("connectionSuccess", 0.75, "TurnfleetConnectionsFail", "> 1 - 0.75"),
        ("relayShare", 0.5, "TurnfleetManyNeedRelays", "> 0.5"),
        ("certificateDays", 30, "TurnfleetCertificateEnds", "< 30 * 86400"),
    ],
)
def test_what_an_alert_waits_for_can_be_chosen(
    chart: charts.Chart, value: str, given: float, alert: str, written: str
) -> None:
    rendering = chart.rendered({"prometheusRule": {"enabled": True, value: given}})
    [rule] = [rule for rule in rules(rendering) if rule["alert"] == alert]
    assert written in rule["expr"]


def test_there_are_none_unless_asked_for(chart: charts.Chart) -> None:
    assert chart.rendered().of("PrometheusRule") == ()
