"""``import droidreclaim``: its names, what it loads, and what it refuses before any device."""

from __future__ import annotations

import pydoc
import subprocess
import sys

import pytest

import droidreclaim
from droidreclaim.errors import UsageError
from droidreclaim.reclaim import request_of


def test_importing_it_loads_nothing_but_itself() -> None:
    code = (
        "import sys; before = set(sys.modules); import droidreclaim; "
        "new = set(sys.modules) - before; "
        "print(sorted(n for n in new if n.partition('.')[0] not in sys.stdlib_module_names)); "
        "print(sorted({'logging', 'asyncio', 'json', 'subprocess', 'socket'} & new))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['droidreclaim']\n[]\n"


def test_every_name_of_all_is_there_and_says_what_it_is() -> None:
    assert set(droidreclaim.__all__) == set(droidreclaim._MODULE)
    for name in droidreclaim.__all__:
        value = getattr(droidreclaim, name)
        assert value.__name__ == name
        assert value.__doc__
    assert set(droidreclaim.__all__) <= set(dir(droidreclaim))


def test_another_name_is_refused_as_any_module_does() -> None:
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        droidreclaim.conect  # noqa: B018


def test_help_names_the_verbs_and_how_to_begin() -> None:
    text = pydoc.plain(pydoc.render_doc(droidreclaim))
    assert "with dr.connect() as phone:" in text
    for word in ("connect(serial", "reclaim(", "swap_on(", "identity(", "class NotAchieved"):
        assert word in text, word


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"band": "asleep"},
        {"band": ["cached", ""]},
        {"adj": "9..x"},
        {"adj": (999, 700)},
        {"budget": 0},
        {"budget": -1},
        {"budget": True},
        {"budget": "much"},
        {"max_rate": 10},
        {"only": ["dalvik", "gpu"]},
        {"only": "dalvik", "what": "anon"},
        {"range": (8192, 4096)},
        {"refault": (10, 1)},
        {"refault": [float("nan")]},
        {"how": "kill"},
        {"backend": "swapoff"},
        {"how": "trim", "budget": "1MiB"},
        {"how": "prefetch", "refault": "1s"},
        {"keep": "cold"},
        {"keep": "hot", "how": "prefetch"},
        {"keep": "hot", "how": "cold"},
        {"keep": "hot", "backend": "proc_reclaim"},
        {"keep": "hot", "backend": "am_compact"},
        {"only": "hot"},
        {"only": "hot,native", "how": "cold"},
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_any_device(
    words: dict[str, object],
) -> None:
    targets = ("com.a.b",) if words and not {"band", "adj"} & words.keys() else ()
    with pytest.raises(UsageError):
        request_of(*targets, **words)  # type: ignore[arg-type]


def test_arguments_are_the_command_lines_words_or_plain_values() -> None:
    written = request_of(
        "com.a.b", "pid:7", band=["cached", "previous"], adj="700..999", budget="256MiB",
        max_rate="64MiB/s", refault="1s,10s", range="1000+4KiB",
    )  # fmt: skip
    plain = request_of(
        "com.a.b", "pid:7", band=("cached", "previous"), adj=(700, 999), budget=256 << 20,
        max_rate=64 << 20, refault=(1, 10.0), range=(0x1000, 0x2000),
    )  # fmt: skip
    assert written == plain
    assert written.budget_bytes == 256 << 20


def test_what_resumes_need_is_a_choice_of_its_own_beside_the_kinds() -> None:
    assert request_of("com.a.b", keep="hot").hot == "keep"
    prefetch = request_of("com.a.b", how="prefetch", only="native,hot")
    assert (prefetch.only, prefetch.hot) == (("native",), "only")
    assert request_of(band="cached").what == "anon"
