"""Several questions in one trip."""

from __future__ import annotations

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import ask


def test_each_answer_comes_with_its_own_exit_code() -> None:
    answers = ask(
        LocalShell(),
        {
            "good": "echo a; echo b",
            "silent": "true",
            "absent": "cat /no/such/file",
            "exits": "exit 7",
            "no-newline": "printf x",
            "stdin": "cat",
        },
        None,
        timeout_s=10,
    )
    assert answers["good"].text.splitlines() == ["a", "b"]
    assert answers["good"].ok
    assert not answers["silent"].ok
    assert answers["absent"].errno == "ENOENT"
    assert answers["exits"].exit_code == 7
    assert answers["no-newline"].text == "x"
    assert answers["stdin"].text == ""


def test_an_answer_cannot_pretend_to_be_the_next_one() -> None:
    answers = ask(
        LocalShell(), {"a": "echo '@0 b'; echo exit 0", "b": "echo real"}, None, timeout_s=9
    )
    assert answers["b"].text.strip() == "real"


def test_a_shell_that_ends_early_is_no_answer() -> None:
    with pytest.raises(ParseError, match="2 of 2 answers are missing"):
        ask(LocalShell("exit 0"), {"a": "true", "b": "true"}, None, timeout_s=9)
