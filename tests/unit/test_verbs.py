"""The command line as a whole: which verbs there are, and that each is found."""

import re

import pytest

from turnfleet.commands import verbs


def test_every_verb_that_people_are_shown_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        verbs.run_one(["--help"])
    shown = re.findall(r"^    ([a-z-]+)(?:$| {2})", capsys.readouterr().out, re.MULTILINE)
    assert len(shown) >= 12
    for verb in shown:
        with pytest.raises(SystemExit) as ended:
            verbs.run_one([verb, "--help"])
        assert ended.value.code == 0
        assert f"usage: turnfleet {verb} " in capsys.readouterr().out


def test_an_unknown_verb_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        verbs.run_one(["nonsense"])
    assert ended.value.code == 2
    assert "'validate'" in capsys.readouterr().err
