"""
Settings changed and apps installed for a while: written down on the device first, and undone there.

A process of the shell's on the device holds what was changed. It undoes all of it when it is told
to, when its stdin ends (Ctrl-C, a cable that is pulled, a host that is killed), or when it hears
nothing for half a minute. Where that process itself was ended, or the device was booted anew, the
journal is left, and the next command undoes it (`restore`). No root is needed.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from droidreclaim.device import Channel, Device
from droidreclaim.errors import DeviceError, DeviceLost, DeviceTimeout, NotPossible
from droidreclaim.helper.deploy import JOURNAL, script_values

UI_FILE = "/data/local/tmp/u2.jar"  # where uiautomator2's library puts its server
_BEAT_EVERY_S = 5.0
_ENDING_S = 20.0  # a process there whose link broke is still undoing
_LOOK_S = 0.3
_SILENCE_S = 30
_STEP_S = 30.0
_MOST_SAID = 1 << 16
_MOST_UNHEARD = 2  # answers that a Ctrl-C cut short: to the start, or to one change
_WORD = re.compile(r"[A-Za-z0-9._:/,-]{1,200}")
_log = logging.getLogger("droidreclaim")

# Both are for mksh. The journal's lines are words for settings and pm, never commands and no names
# of files: whoever can write it is the shell already. Its first line names the process that holds
# it, by pid and start time.
_UNDO = r"""
say() { echo "droidreclaim: $*"; }
undo() {
  failed=
  while read -r verb first second rest; do
    case $verb in
      put) settings put "$first" "$second" "$rest" ;;
      delete) settings delete "$first" "$second" ;;
      ui) rm -f "$ui" ;;
      uninstall) [ ! "$(pm path "$first")" ] || pm uninstall "$first" ;;
    esac </dev/null >/dev/null 2>&1 || failed="$failed $first/$second"
  done <"$journal"
  [ "$failed" ] || rm -f "$journal"
}
began() { read -r stat <"/proc/$1/stat" && set -- ${stat##*)} && echo "${20}"; }
"""
_HOLD = (
    _UNDO
    + r"""
journal=$1 ui=$2 silence=$3
trap "" HUP PIPE INT TERM; umask 077
words=$( (set -C; : >"$journal") 2>&1) || {
  [ -e "$journal" ] && say "taken" || say "failed=$words"
  exit 1
}
words=$( (echo "holder $$ $(began $$)" >"$journal") 2>&1) || {
  [ ! -f "$journal" ] || rm -f "$journal"
  say "failed=$words"
  exit 1
}
say "ready"
while read -r -t "$silence" verb first second value; do
  case $verb in
    set)
      old=$(settings get "$first" "$second" </dev/null 2>&1) || { say "failed=$old"; continue; }
      case $old in
        *"
"*) say "failed=$second has more than a line"; continue ;;
        null) line="delete $first $second" ;;
        *) line="put $first $second $old" ;;
      esac
      echo "$line" >>"$journal" || { say "failed=the journal cannot be written"; continue; }
      sync
      words=$(settings put "$first" "$second" "$value" </dev/null 2>&1) && say "done" ||
        say "failed=$words" ;;
    package)
      [ "$(pm path "$first" </dev/null 2>/dev/null)" ] && { say "there"; continue; }
      echo "uninstall $first" >>"$journal" && sync && say "done" ||
        say "failed=the journal cannot be written" ;;
    ui)
      [ "$first" = again ] || [ ! -e "$ui" ] || { say "there"; continue; }
      echo "ui" >>"$journal" && sync && say "done" || say "failed=the journal cannot be written" ;;
    held) say "done" ;;
    end) break ;;
  esac
done
undo
[ "$failed" ] && say "left=$failed" || say "undone"
"""
)
_RESTORE = (
    _UNDO
    + r"""
journal=$1 ui=$2
[ -f "$journal" ] || { say "none"; exit; }
read -r word pid start rest <"$journal"
case $pid in *[!0-9]*) pid= ;; esac
[ "$pid" ] && [ "$(began "$pid" 2>/dev/null)" = "$start" ] && { say "held"; exit; }
undo
[ "$failed" ] && say "left=$failed" || say "undone"
"""
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One of Android's settings: ``global window_animation_scale``."""

    table: str
    name: str
    value: str


class Changes:
    """
    Changes to a device that last until `end`, or until it hears no more of this computer.

    Raises (its methods):
        NotPossible: the device refuses, in its own words.
        DeviceError: the device was lost; it then undoes everything by itself.
    """

    def __init__(self, device: Device, *, journal: str = JOURNAL, shell: str = "sh") -> None:
        self._device = device
        self._journal = journal
        self._shell = shell
        self._channel: Channel | None = None
        self._text = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def begin(self, *, again: bool = False) -> None:
        """
        Undo what was left on the device, then start the process there that holds the journal.

        Args:
            again: After the link broke, when the process of before may still be at work.
        """
        until_s = time.monotonic() + (_ENDING_S if again else 0.0)
        while restore(self._device, journal=self._journal, shell=self._shell) == "held":
            if time.monotonic() >= until_s:
                raise NotPossible(
                    f"{self._device.serial}: another run holds its settings",
                    hint="wait for it to end, or end it",
                )
            time.sleep(_LOOK_S)
        told = [self._journal, UI_FILE, str(_SILENCE_S)]
        words = [self._shell, "-c", _HOLD, "droidreclaim", *told]
        self._text, self._ended = "", threading.Event()
        self._channel = self._device.open(words, timeout_s=_STEP_S)
        key, value = self._answer()
        if key != "ready":
            self._close()
            why = "another run holds them" if key == "taken" else value or key
            raise NotPossible(f"{self._device.serial}: settings cannot be held: {why}")
        beat = threading.Thread(target=self._beat, args=(self._ended,), daemon=True)
        beat.start()

    def put(self, setting: Setting) -> None:
        """Change a setting, after its old value is written into the journal."""
        words = (setting.table, setting.name, setting.value)
        if not all(_WORD.fullmatch(word) for word in words):
            raise NotPossible(f"{' '.join(words)[:80]!r} cannot be set: letters, digits and ._:/,-")
        self._request(f"set {' '.join(words)}", f"setting {setting.table} {setting.name}")

    def will_install(self, package: str) -> bool:
        """Write down that *package* is to be uninstalled; False where it is installed already."""
        return self._request(f"package {package}", f"package {package}") == "done"

    def will_push_ui(self, *, again: bool = False) -> bool:
        """
        Write down that uiautomator2's file is to be removed; False where it is there already.

        Args:
            again: It was written down before the link broke: what is there is ours.
        """
        line = "ui again" if again else "ui"
        return self._request(line, "the file of uiautomator2") == "done"

    def require_held(self) -> None:
        """
        See that the process there still holds what was changed.

        Raises:
            DeviceLost: it is gone, as after a cable that was pulled and is back.
        """
        why = f"{self._device.serial}: the link broke meanwhile: what setup had changed was undone"
        try:
            self._send("held\n")
            key, _ = self._answer()
        except DeviceError as error:
            raise DeviceLost(why) from error
        if key != "done":
            raise DeviceLost(why)

    def end(self) -> None:
        """Undo everything; says in the log what could not be undone."""
        if self._channel is None:
            return
        try:
            self._send("end\n")
            for _ in range(1 + _MOST_UNHEARD):
                key, value = self._answer()
                if key in ("undone", "left", "ended"):
                    break
            if key != "undone":
                _log.warning("%s: not undone: %s", self._device.serial, value or key)
        except DeviceError as error:
            _log.info("%s: it undoes its settings by itself: %s", self._device.serial, error)
        finally:
            self._close()

    def _close(self) -> None:
        self._ended.set()
        if self._channel is not None:
            self._channel.close()
        self._channel = None

    def _request(self, line: str, what: str) -> str:
        self._send(f"{line}\n")
        key, value = self._answer()
        if key not in ("done", "there"):
            raise NotPossible(f"{self._device.serial}: {what}: {value or key}")
        return key

    def _send(self, text: str) -> None:
        assert self._channel is not None
        with self._lock:
            self._channel.write(text.encode())

    def _answer(self) -> tuple[str, str]:
        assert self._channel is not None
        deadline_s = time.monotonic() + _STEP_S
        while (found := self._next()) is None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or len(self._text) > _MOST_SAID:
                raise DeviceTimeout(f"{self._device.serial}: its settings were not done in time")
            data = self._channel.read(left_s)
            if not data:
                return "ended", self._channel.stderr.decode("utf-8", "replace").strip()[-200:]
            self._text += data.decode("utf-8", "replace")
        return found

    def _next(self) -> tuple[str, str] | None:
        line, newline, rest = self._text.partition("\n")
        while newline:
            self._text = rest
            if found := next(iter(script_values(f"{line}\n")), None):
                return found
            line, newline, rest = self._text.partition("\n")
        return None

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(_BEAT_EVERY_S):
            with suppress(DeviceError, AssertionError):
                self._send(".\n")


def restore(
    device: Device, *, journal: str = JOURNAL, shell: str = "sh", timeout_s: float = 60.0
) -> str:
    """
    Undo what a run has left whose device was booted anew, or whose process there was ended.

    Returns ``none``, ``held`` (a run is under way), ``undone``, ``left`` (a warning names what is
    not undone, and the next command tries again), or ``unknown`` where the device's answer says
    nothing of it, which a warning says too.

    Raises:
        DeviceError: the device was lost.
    """
    words = [shell, "-c", _RESTORE, "droidreclaim", journal, UI_FILE]
    done = device.run(words, timeout_s=timeout_s)
    for key, value in script_values(done.text):
        if key == "left":
            _log.warning("%s: settings of a run are not undone yet:%s", device.serial, value)
        elif key == "undone":
            _log.info("%s: undone what a run had changed and left", device.serial)
        return key
    _log.warning("%s: what a run may have left is unknown: %s", device.serial, done.complaint)
    return "unknown"
