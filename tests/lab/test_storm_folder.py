"""A storm's folder: what is written as it goes on, and read again."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from storm_events import DEVICE, EVENTS, STATE, WHAT, run_of, storm_of

from droidreclaim.errors import UsageError
from droidreclaim.lab.hands import BadPages
from droidreclaim.lab.storm import arms, measure, page, table
from droidreclaim.lab.storm.events import (
    Event,
    Run,
    Verified,
    runs_of,
    to_line,
)
from droidreclaim.lab.storm.folder import Folder
from droidreclaim.lab.storm.result import to_json
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.units import MIB
from in_process import droidreclaim


def write(folder: Folder, run: Run, *events: Event) -> None:
    folder.note(run.key, run.begin)
    for event in events:
        folder.note(run.key, event)


def test_events_come_back_as_they_were_written() -> None:
    run = run_of("lazy")
    lines = [to_line(run.key, event) for event in (run.begin, *EVENTS)]
    assert runs_of(json.loads(json.dumps(lines))) == [run]


def test_an_interrupted_storm_goes_on_with_the_runs_that_did_not_end(tmp_path: Path) -> None:
    folder = Folder.new(tmp_path / "out", WHAT)
    folder.plan(("lowmemorykiller", "lazy"), (1,))
    write(folder, run_of("lowmemorykiller"), *EVENTS)
    write(folder, run_of("lazy"), *EVENTS[:4])
    with (tmp_path / "out" / "samples.ndjson").open("a") as file:
        file.write('{"t": "samp')  # cut by a crash
    before = (tmp_path / "out" / "samples.ndjson").read_bytes()
    again, done = Folder.load(tmp_path / "out")
    assert [run.key for run in done] == [("lowmemorykiller", 1)]
    assert (again.what, again.wanted) == (WHAT, (("lowmemorykiller", "lazy"), (1,)))
    assert (tmp_path / "out" / "samples.ndjson").read_bytes() == before  # until it goes on
    again.plan(("lazy",), (1,))
    write(again, run_of("lazy"), *EVENTS)
    assert Folder.load(tmp_path / "out")[1] == [run_of("lowmemorykiller"), run_of("lazy")]


def test_every_launch_is_a_line_of_the_csv(tmp_path: Path) -> None:
    folder = Folder.new(tmp_path / "out", WHAT)
    folder.plan(("lazy",), (1,))
    write(folder, run_of("lazy"), *EVENTS)
    done = droidreclaim("export", str(tmp_path / "out"), "--csv", "-")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["arm"], row["package"], row["state"]) for row in rows[:3]] == [
        ("lazy", "com.example.a", "COLD"), ("lazy", "com.example.b", "COLD"),
        ("lazy", "com.example.a", "HOT"),
    ]  # fmt: skip
    assert [row["score_lost"] for row in rows] == ["0", "", "0", "1", "", ""]
    assert droidreclaim("export", str(tmp_path / "out"), "--benchmark-json", "-").returncode == 2


def test_a_storm_is_a_trace_with_its_arms_side_by_side(tmp_path: Path) -> None:
    proto = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    folder = Folder.new(tmp_path / "out", WHAT)
    folder.plan(("lowmemorykiller", "lazy"), (1,))
    for arm in ("lowmemorykiller", "lazy"):
        write(folder, run_of(arm), *EVENTS)
    done = droidreclaim("export", str(tmp_path / "out"), "--perfetto", str(tmp_path / "t"))
    assert (done.returncode, done.stderr) == (0, "")
    packets = proto.Trace.FromString((tmp_path / "t").read_bytes()).packet
    tracks = {
        one.track_descriptor.name: one.track_descriptor.uuid
        for one in packets
        if one.HasField("track_descriptor")
    }
    kinds = ("", ": page-outs", ": deaths", ": available_bytes", ": swap_used_bytes")
    for arm in ("lowmemorykiller", "lazy"):
        assert {f"{arm}, seed 1{kind}" for kind in kinds} <= set(tracks)
    events = [one for one in packets if one.HasField("track_event")]
    begun = [
        (one.timestamp, one.track_event.name)
        for one in events
        if one.track_event.track_uuid == tracks["lazy, seed 1"] and one.track_event.type == 1
    ]
    assert begun[2] == (2_900_000_000, "com.example.a, HOT")
    deaths = [
        one.track_event.name
        for one in events
        if one.track_event.track_uuid == tracks["lazy, seed 1: deaths"]
    ]
    assert deaths == ["com.example.a by lmkd", "com.example.b is gone"]
    free = [
        one.track_event.counter_value
        for one in events
        if one.track_event.track_uuid == tracks["lazy, seed 1: available_bytes"]
    ]
    assert free == [100 * MIB, 20 * MIB, 100 * MIB]


def test_a_wrong_page_is_found_again_when_the_storm_goes_on(tmp_path: Path) -> None:
    bad = (*EVENTS[:-2], Verified(2, 0, 1000, 3, 1.0), EVENTS[-1])
    folder = Folder.new(tmp_path, WHAT)
    folder.plan(("lazy",), (1, 2))
    write(folder, run_of("lazy"), *bad)
    again, done = Folder.load(tmp_path)
    again.plan(("lazy",), (1, 2))
    assert Folder.load(tmp_path)[1] == done == [run_of("lazy", events=bad)]
    jobs = measure.jobs_of(WHAT, ("lazy",), (2,))
    runs, ended_by = measure.measure(jobs, untouched, lambda key, event: None, print, done)
    assert runs == []
    assert isinstance(ended_by, BadPages)
    assert "lazy, seed 1" in str(ended_by)
    assert "3 of 1000 at the end" in str(ended_by)
    assert "lazy: 3 pages or apps are not what was written" in table.warnings(storm_of(*done))


def untouched(needs: arms.Needs) -> AbstractContextManager[Stage]:
    pytest.fail("no phone is wanted")


@pytest.mark.parametrize(
    "content",
    ["[]\n", "7\n", '{"arm": "lazy"}\n', '{"arm": "lazy", "seed": 1e999}\n', "\0\n",
     "[" * 100_000 + "\n", '{"t": "end", "arm": "lazy", "seed": 1}\n'],
    ids=lambda content: content[:20],
)  # fmt: skip
def test_events_that_are_none_are_one_clear_line(tmp_path: Path, content: str) -> None:
    Folder.new(tmp_path, WHAT)
    (tmp_path / "samples.ndjson").write_text(content)
    with pytest.raises(UsageError, match=r"samples.ndjson cannot be read") as error:
        Folder.load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["run.json", "samples.ndjson"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "large"])
def test_a_file_of_the_folder_that_is_none_is_one_clear_line(
    tmp_path: Path, name: str, kind: str
) -> None:
    Folder.new(tmp_path, WHAT).plan(("lazy",), (1,))
    damaged = tmp_path / name
    damaged.unlink()
    if kind == "pipe":
        os.mkfifo(damaged)
    elif kind == "folder":
        damaged.mkdir()
    elif kind == "device":
        damaged.symlink_to("/dev/zero")
    else:
        damaged.write_bytes(b'{"parameters": ' + b" " * (3 << 20))
    with pytest.raises(UsageError, match=rf"{name} cannot be read") as error:
        Folder.load(tmp_path)
    assert "\n" not in str(error.value)


@settings(max_examples=examples(60))
@given(st.data())
def test_a_storm_damaged_anywhere_is_refused_or_told(data: st.DataObject) -> None:
    """Change, cut or add bytes in both files: the storm is refused, or what is left is shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        whole = Folder.new(path, WHAT)
        whole.plan(("lazy",), (1,))
        write(whole, run_of("lazy"), *EVENTS)
        file = path / data.draw(st.sampled_from(["run.json", "samples.ndjson"]))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        with_this = data.draw(
            st.sampled_from([b"", b"9" * 400, b"-", b"e300", b"[", b'"', b"\xff"])
        )
        cut = data.draw(st.integers(0, 3))
        file.write_bytes(content[:at] + with_this + content[at + cut :])
        try:
            again, done = Folder.load(path)
        except UsageError:
            return
        storm = replace(storm_of(*done), what=again.what)
        json.dumps(to_json(storm), allow_nan=False)
        table.storm_table(storm), table.remarks(storm), table.warnings(storm)
        page.render(storm)


def test_a_folder_explains_itself(tmp_path: Path) -> None:
    folder = Folder.new(tmp_path, WHAT)
    folder.plan(("lazy",), (1,))
    write(folder, run_of("lazy"), *EVENTS)
    folder.finish(storm_of(run_of("lazy")))
    files = {"run.json", "samples.ndjson", "storm.json", "report.html"}
    assert {path.name for path in tmp_path.iterdir()} == files
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["device"] == DEVICE
    assert told["states"] == [{"arm": "lazy", "seed": 1, **STATE}]
    assert told["parameters"]["heap_bytes"] == 56 * MIB


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no storm in"),
        ("{}", "run.json cannot be read"),
        ('{"parameters": {"apps": "many"}}', "run.json cannot be read"),
    ],
)
def test_a_folder_that_holds_no_storm_is_one_clear_line(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UsageError) as error:
        Folder.load(tmp_path)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_storm_is_not_written_over_another(tmp_path: Path) -> None:
    Folder.new(tmp_path, WHAT)
    with pytest.raises(UsageError, match="holds a storm already"):
        Folder.new(tmp_path, WHAT)


def test_a_folder_that_takes_nothing_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        Folder.new(tmp_path / "file" / "out", WHAT)
    with pytest.raises(UsageError, match="File name too long"):
        Folder.new(tmp_path / ("long" * 100), WHAT)
    folder = Folder.new(tmp_path / "out", WHAT)
    (tmp_path / "out" / "samples.ndjson").symlink_to("/dev/full")
    with pytest.raises(UsageError, match="No space left on device"):
        folder.note(("lazy", 1), run_of("lazy").begin)
