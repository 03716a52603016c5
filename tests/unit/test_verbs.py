"""The command line as a whole: which verbs there are, and that each is found."""

import argparse
import re
import subprocess
import sys

import pytest

from turnfleet.commands import arguments, verbs


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


_WITHOUT_KUBERNETES = """
import sys
sys.modules["kubernetes"] = None
from turnfleet.commands import verbs
sys.exit(verbs.run_one(sys.argv[1:]))
"""


@pytest.mark.parametrize("verb", ["dns", "drain node-1", "rotate eu", "remove-regions"])
def test_what_needs_a_cluster_names_the_extra_that_is_missing(verb: str) -> None:
    asked = [*verb.split(), "--all-namespaces"]
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_KUBERNETES, *asked],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "pip install '.[kubernetes]' in a checkout" in ended.stderr


@pytest.mark.parametrize("text", ["", "eu,metadata.namespace!=other", "Eu", "a/b"])
def test_a_selector_is_not_the_name_of_a_region(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a name"):
        arguments.name(text)
