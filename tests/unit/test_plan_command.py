"""``turnfleet plan`` as a person and a pipeline run it, offline."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support import kinds, turnregions

from turnfleet import cli

MINIMAL = (turnregions.EXAMPLES / "minimal.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Return the objects that were printed."""
        return list(yaml.safe_load_all(self.out))


Plan = Callable[..., Outcome]


@pytest.fixture
def plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plan:
    monkeypatch.chdir(tmp_path)

    def run(*args: str, text: str = MINIMAL) -> Outcome:
        (tmp_path / "region.yaml").write_text(text, encoding="utf-8")
        code = cli.main(["plan", "-f", "region.yaml", *args])
        captured = capsys.readouterr()
        return Outcome(code=code, out=captured.out, err=captured.err)

    return run


def test_a_region_is_printed_as_the_objects_it_consists_of(plan: Plan) -> None:
    done = plan()
    assert (done.code, done.err) == (0, "")
    assert [one["kind"] for one in done.objects] == [
        "ServiceAccount",
        "ConfigMap",
        "Secret",
        "PodDisruptionBudget",
        "ReplicaSet",
    ]
    assert {one["metadata"]["namespace"] for one in done.objects} == {"default"}
    assert [kinds.problems(one) for one in done.objects] == [[]] * 5


@pytest.mark.parametrize("example", turnregions.examples(), ids=lambda path: path.stem)
def test_every_example_has_a_plan(plan: Plan, example: Path) -> None:
    assert plan(text=example.read_text(encoding="utf-8")).code == 0


def test_the_configuration_reads_as_it_is_mounted(plan: Plan) -> None:
    assert "  config.json: |\n    {\n" in plan().out


def test_no_secret_is_made_up(plan: Plan) -> None:
    secret = next(one for one in plan().objects if one["kind"] == "Secret")
    assert secret["data"]["current"] == "<generated>"
    assert secret["data"]["agent-key"] == "<derived from the fleet's key>"


def test_a_named_secret_is_told_by_its_name(plan: Plan) -> None:
    done = plan(text=MINIMAL + "  auth: {secretName: mine}\n")
    secret = next(one for one in done.objects if one["kind"] == "Secret")
    assert secret["data"]["current"] == "<copied from Secret mine>"


def test_a_namespace_is_the_manifests_or_the_flags(plan: Plan) -> None:
    assert plan("--namespace", "here").objects[0]["metadata"]["namespace"] == "here"
    own = MINIMAL.replace("name: eu-north", "name: eu-north\n  namespace: there")
    assert plan("--namespace", "here", text=own).objects[0]["metadata"]["namespace"] == "there"


def test_it_is_told_what_the_operator_is_told(plan: Plan) -> None:
    done = plan(
        "--relay-image", "example.com/relay:2", "--priority-class", "relays",
        "--deny-peers", "10.96.0.0/16", "--image-pull-secret", "registry",
    )  # fmt: skip
    pod = done.objects[-1]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "example.com/relay:2"
    assert pod["priorityClassName"] == "relays"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert "10.96.0.0/16" in done.out


def test_an_image_that_is_not_allowed_is_refused_with_exit_code_1(plan: Plan) -> None:
    text = MINIMAL + "  relays: {image: example.com/other:1}\n"
    done = plan(text=text)
    assert (done.code, done.out) == (1, "")
    assert "ImageNotAllowed" in done.err
    assert plan("--allow-image", "example.com/*", text=text).code == 0


def test_a_manifest_with_problems_is_refused_by_line_with_exit_code_1(plan: Plan) -> None:
    done = plan(text=MINIMAL.replace("latitude: 59.33", "latitude: 159.33"))
    assert done.code == 1
    assert "region.yaml:8: spec.location.latitude" in done.err


def test_a_file_that_is_not_there_ends_with_exit_code_2(plan: Plan) -> None:
    done = plan("-f", "nothing.yaml")
    assert done.code == 2
    assert "nothing.yaml" in done.err


def test_json_has_all_that_the_text_has(plan: Plan) -> None:
    done = plan("--json")
    (found,) = json.loads(done.out)["regions"]
    assert (found["region"], found["accepted"], found["reason"]) == ("eu-north", True, "Valid")
    assert found["apply"] == plan().objects


def test_a_kubeconfig_is_of_no_use_offline(plan: Plan) -> None:
    done = plan("--kubeconfig", "config")
    assert done.code == 2
    assert "--diff" in done.err
