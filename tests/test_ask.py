"""Several questions in one trip."""

from __future__ import annotations

import shutil

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.doctor import INTERFERING
from droidreclaim.parse.shell.props import parse_getprop


def test_each_answer_comes_with_its_own_exit_code() -> None:
    answers = ask_device(
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
    answers = ask_device(
        LocalShell(), {"a": "echo '@0 b'; echo exit 0", "b": "echo real"}, None, timeout_s=9
    )
    assert answers["b"].text.strip() == "real"


def test_a_shell_that_ends_early_is_no_answer() -> None:
    with pytest.raises(ParseError, match="2 of 2 answers are missing"):
        ask_device(LocalShell("exit 0"), {"a": "true", "b": "true"}, None, timeout_s=9)


_WARNING = 'echo "linker: Warning: failed to find generated linker configuration" >&2'


@pytest.mark.parametrize("shell", ["sh", "mksh", "bash"])
def test_what_goes_to_stderr_is_no_part_of_the_answer(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    [answer] = ask_device(
        LocalShell(shell=shell),
        {"a": f"{_WARNING}; echo one; echo err >&2; exit 3"},
        None,
        timeout_s=9,
    ).values()
    assert (answer.text.strip(), answer.exit_code) == ("one", 3)
    assert answer.error_text.splitlines()[1] == "err"
    assert answer.errno == "err"


def test_stderr_of_the_shell_around_the_questions_is_no_part_of_them() -> None:
    answers = ask_device(
        LocalShell(_WARNING), {"a": "echo x", "b": f"{_WARNING}"}, None, timeout_s=9
    )
    assert [one.text for one in answers.values()] == ["x\n", ""]
    assert answers["b"].silent
    assert answers["b"].errno == "exit 0"


def test_an_answer_that_cannot_be_read_shows_what_was_written_to_stderr() -> None:
    answers = ask_device(LocalShell(), {"a": "echo '[x'; echo 'why not' >&2"}, None, timeout_s=9)
    with pytest.raises(ParseError, match=r"stderr said 'why not'"):
        answers["a"].read(parse_getprop)


def test_a_shell_that_says_why_it_ended_is_quoted() -> None:
    with pytest.raises(ParseError, match=r"1 of 1 answer is missing; stderr said 'broken shell'"):
        ask_device(LocalShell("echo broken shell >&2; exit 1"), {"a": "true"}, None, timeout_s=9)


def test_whatever_is_asked_of_a_run_s_device_has_a_name_that_its_answer_is_found_by() -> None:
    answers = ask_device(LocalShell(), dict.fromkeys(INTERFERING, "echo here"), None, timeout_s=30)
    assert {answer.text.strip() for answer in answers.values()} == {"here"}
    assert answers.keys() == INTERFERING.keys()
