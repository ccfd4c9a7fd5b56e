"""``import droidreclaim as dr`` on a pocket phone: fifteen lines, every example, every promise."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import droidreclaim as dr
from droidreclaim.device import Channel
from droidreclaim.lab.storm import arms as storm
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.session import app, guard, phone, pressure, reach, watching
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

GAME = "com.example.game"


@pytest.fixture(scope="module")
def handset(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module()


@pytest.fixture
def device(handset: Handset, monkeypatch: pytest.MonkeyPatch) -> Handset:
    monkeypatch.setenv("ANDROID_SERIAL", handset.serial)
    return handset


def test_fifteen_lines_do_what_the_command_line_does(device: Handset) -> None:
    with dr.connect() as phone:
        game = phone.app(GAME)
        game.open()
        before = game.identity()
        phone.home()
        until(lambda: phone.ps(GAME)[0].oom_score_adj >= 700)  # type: ignore[operator]
        result = game.page_out(budget="64MiB")
        [target] = result.targets
        assert (target.outcome, target.process.id) == ("reclaimed", before.process)
        assert result.totals.reclaimed_bytes > 0  # type: ignore[operator]
        launch = game.open()
        assert game.identity() == before
        assert launch.launch_state == "HOT"
        assert phone.kills(since="1s").records == ()
        assert phone.headroom().next_rule


@pytest.mark.parametrize(
    "module", [app, guard, phone, pressure, reach, watching], ids=lambda one: one.__name__
)
def test_every_example_of_a_docstring_runs_as_it_is_printed(
    device: Handset, module: object
) -> None:
    done = doctest.testmod(module)  # type: ignore[arg-type]
    assert done.attempted
    assert done.failed == 0


def test_an_app_that_was_ended_and_opened_again_is_another_life(device: Handset) -> None:
    with dr.connect(root=False) as phone:
        game = phone.app(GAME)
        game.open()
        before = game.identity()
        game.force_stop()
        until(lambda: game.identity() == dr.AppIdentity(None, None))
        game.open()
        again = game.identity()
    assert before.process != again.process
    assert None not in (again.process, before.process)
    assert before.activity != again.activity
    assert None not in (again.activity, before.activity)


def test_nothing_achieved_raises_with_each_ones_reason(device: Handset) -> None:
    with dr.connect() as phone:
        game = phone.app(GAME)
        game.open()
        with pytest.raises(dr.NotAchieved) as error:
            game.page_out()
        phone.home()
    assert error.value.result is not None
    [skip] = error.value.result.skipped
    assert (skip.process.name, skip.reason) == (GAME, "foreground")


def test_what_needs_no_root_works_on_a_phone_without_any(boot: Callable[..., Handset]) -> None:
    handset = boot(root="none")
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        assert phone.info.sdk == 33
        assert phone.source == "phone"
        game = phone.app(GAME)
        game.open()
        assert game.identity().process is not None
        phone.home()
        assert phone.kills().counts == {}
        assert phone.headroom().headroom_bytes
        assert game.page_out(how="trim").backend == "am_trim"
        with pytest.raises(dr.NotPossible, match="no root"):
            game.page_out()
        [seen] = phone.ps(GAME)
        assert seen.memory.rss_anon_bytes > 0  # type: ignore[operator]
        assert phone.ps("com.example.browser")
        assert handset.text("ls -A /data/local/tmp") == ""
    with pytest.raises(dr.NotPossible, match="no root"):
        dr.connect(handset.serial, timeout_s=60)


class CtrlC:
    """A channel that raises Ctrl-C while the host waits for the answer to a page-out."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asked = False

    def write(self, data: bytes) -> None:
        self._asked = self._asked or b" pageout targets=" in data
        self._channel.write(data)

    def read(self, timeout_s: float) -> bytes:
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt
        return self._channel.read(timeout_s)

    def __getattr__(self, name: str) -> object:
        return getattr(self._channel, name)


def test_ctrl_c_inside_a_page_out_of_the_lab_ends_it_and_keeps_what_was_done(
    device: Handset,
) -> None:
    with dr.connect() as phone:
        phone.app(GAME).open()
        phone.home()
        until(lambda: phone.ps(GAME)[0].oom_score_adj >= 700)  # type: ignore[operator]
        session = phone.helper.session
        session._channel = CtrlC(session._channel)  # type: ignore[assignment]
        arm = storm.make("eager")
        arm.set_up(Stage(phone, ours=True, accelerator=None))
        with pytest.raises(dr.Interrupted) as error:
            arm.after_leaving(storm.Left(GAME, 0, None))  # type: ignore[arg-type]
    assert [one.process.name for one in error.value.partial.targets] == [GAME]


def test_every_snippet_of_the_page_runs(
    device: Handset, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    snippets = re.findall(r"```python\n(.*?)```", page, re.S)
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, "docs/api.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Pocket Phone ")
    assert lines[-2] == "True"
