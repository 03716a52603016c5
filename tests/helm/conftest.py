"""The chart, rendered by real helm; skipped with a sentence where there is none to be had."""

import pytest
from tests.support import charts


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> charts.Chart:
    try:
        charts.helm()
    except charts.Missing as missing:
        pytest.skip(str(missing))
    return charts.Chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(params=charts.EXAMPLES, ids=lambda path: path.stem)
def rendering(request: pytest.FixtureRequest, chart: charts.Chart) -> charts.Rendering:
    return chart.example(request.param)
