"""The schema in crds/ and the parser accept and refuse the same manifests."""

import hypothesis
import pytest
from tests.support import admission, turnregions

from turnfleet.model import region, turnregion


def _agree(manifest: turnregions.Manifest) -> bool:
    accepted = isinstance(turnregion.parse(manifest), region.RegionSpec)
    return accepted == (admission.refusal(manifest) is None)


@pytest.mark.no_cover  # Thousands of manifests: test_region_parsing.py covers the parser with few.
@pytest.mark.parametrize("node", turnregions.PLACES, ids=lambda node: ".".join(map(str, node.path)))
def test_schema_and_parser_agree_on_every_bound_of(node: turnregions.Node) -> None:
    for manifest in turnregions.trials(node):
        assert _agree(manifest), _verdicts(manifest)


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(turnregions.nearly_sound())
def test_schema_and_parser_agree_on_manifests_changed_in_several_places(
    manifest: turnregions.Manifest,
) -> None:
    assert _agree(manifest), _verdicts(manifest)


def _verdicts(manifest: turnregions.Manifest) -> str:
    return f"schema {admission.refusal(manifest)}, parser {turnregion.parse(manifest)}"
