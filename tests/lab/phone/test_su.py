"""The ways to root, and the ways in which they fail, as phones have them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from droidreclaim.lab.phone import vm
from handset import Handset, behave, until

pytestmark = pytest.mark.phone


@pytest.fixture(scope="module")
def unrooted(boot_for_module: Callable[..., Handset]) -> Iterator[Handset]:
    """Boot a phone whose su behaves as `become` sets it."""
    handset = boot_for_module(root="su")
    yield handset
    vm.stop(handset.phone)


@pytest.fixture
def become(unrooted: Handset) -> Iterator[Callable[[str], None]]:
    """Change the behaviour of su; a root job that was started before puts it back."""
    wait = "while ! rm /data/local/tmp/restore 2>/dev/null; do sleep 0.2; done"
    restore = f"su -c 'touch /data/local/tmp/ready; {wait}; echo su > /data/adb/su'"
    argv = [unrooted.adb, "-s", unrooted.serial, "shell", restore]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        until(lambda: unrooted.shell("rm /data/local/tmp/ready").returncode == 0)
        yield lambda behaviour: behave(unrooted, behaviour)
        unrooted.text("touch /data/local/tmp/restore")
        job.wait(timeout=30)


def test_the_shell_is_not_root_and_has_no_capability(unrooted: Handset) -> None:
    assert unrooted.text("id -u; grep CapEff /proc/self/status").split() == [
        "2000",
        "CapEff:",
        "0000000000000000",
    ]
    assert unrooted.shell("cat /data/adb/su").returncode != 0


@pytest.mark.parametrize(
    "words", ["su -c 'id -u'", "su root -c 'id -u'", "su 0 -c 'id -u'", "echo 'id -u' | su"]
)
def test_magisk_forms_run_a_command_line(unrooted: Handset, words: str) -> None:
    assert unrooted.text(words) == "0"


def test_su_passes_on_exit_code_stdin_and_stderr(unrooted: Handset) -> None:
    done = unrooted.shell("su -c 'cat; echo err >&2; exit 9'", stdin=b"in")
    assert (done.stdout, done.stderr, done.returncode) == (b"in", b"err\n", 9)


def test_su_gives_every_capability(unrooted: Handset) -> None:
    mask = int(unrooted.text("su -c 'grep CapEff /proc/self/status'").split()[1], 16)
    assert mask & (1 << 23 | 1 << 19 | 1 << 21)  # nice, ptrace, admin


def test_adbd_of_a_production_build_does_not_become_root(unrooted: Handset) -> None:
    assert unrooted.run("root").stdout == b"adbd cannot run as root in production builds\n"
    assert unrooted.text("id -u") == "2000"


def test_userdebug_form_takes_a_user_and_words(
    unrooted: Handset, become: Callable[[str], None]
) -> None:
    become("su0")
    assert unrooted.text("su 0 id -u") == "0"
    assert unrooted.text("su root sh -c 'id -u'") == "0"
    refused = unrooted.shell("su -c id")
    assert refused.returncode == 1
    assert b"invalid uid/gid '-c'" in refused.stderr


def test_a_denial_says_permission_denied(unrooted: Handset, become: Callable[[str], None]) -> None:
    become("su-deny")
    done = unrooted.shell("su -c id")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"su: Permission denied\n", 1)


def test_a_su_that_waits_for_its_owner_hangs(
    unrooted: Handset, become: Callable[[str], None]
) -> None:
    become("su-hang")
    with pytest.raises(subprocess.TimeoutExpired):
        unrooted.run("shell", "su -c id", timeout_s=3)


def test_adbd_cannot_signal_what_became_root_but_closes_its_streams(unrooted: Handset) -> None:
    script = "su -c 'echo up; read line; echo over > /data/local/tmp/over; exec sleep 4000'"
    argv = [unrooted.adb, "-s", unrooted.serial, "shell", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"up\n"
        shell.kill()
    until(lambda: unrooted.shell("cat /data/local/tmp/over").stdout == b"over\n")
    unrooted.text("su -c 'rm /data/local/tmp/over; kill $(pidof sleep)'")


def test_a_weak_su_is_uid_0_without_power(unrooted: Handset, become: Callable[[str], None]) -> None:
    become("su-weak")
    words = unrooted.text("su -c 'id -u; grep CapEff /proc/self/status'").split()
    assert words == ["0", "CapEff:", "0000000000000000"]


def test_a_greeting_comes_before_the_output(
    unrooted: Handset, become: Callable[[str], None]
) -> None:
    become("su-banner")
    assert unrooted.text("su -c 'id -u'").splitlines()[1:] == ["0"]


def test_adb_root_and_unroot_restart_adbd_and_kill_what_it_started(
    boot: Callable[..., Handset],
) -> None:
    handset = boot(root="su0", once=True)
    assert handset.text("su 0 id -u; id -u").split() == ["0", "2000"]
    left = "setsid sleep 4000 < /dev/null > /dev/null 2>&1 &"
    handset.text(left)
    assert handset.run("root").stdout == b"restarting adbd as root\n"
    handset.wait()
    assert handset.text("id -u") == "0"
    assert handset.shell("pidof sleep").returncode != 0
    assert handset.run("root").stdout == b"adbd is already running as root\n"
    assert handset.run("unroot").stdout == b"restarting adbd as non root\n"
    handset.wait()
    assert handset.text("id -u") == "2000"
    vm.stop(handset.phone)


def test_without_any_root_there_is_no_su(boot: Callable[..., Handset]) -> None:
    handset = boot(root="none")
    assert handset.shell("su -c id").returncode == 127
    assert handset.run("root").stdout == b"adbd cannot run as root in production builds\n"
    vm.stop(handset.phone)
