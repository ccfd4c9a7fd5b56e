"""Small files that this program keeps, after somebody else has changed them."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidreclaim.device import Device
from droidreclaim.device.root import RootMemory, RootWay
from droidreclaim.lab.phone.qemu import recall
from droidreclaim.records import read_record

FORM = dict[str, int]


def device(serial: str = "R58M12") -> Device:
    return cast(Device, SimpleNamespace(serial=serial, model="Pixel_6"))


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b'{"a": ' * 100_000, b'{"a": ' + b"9" * 5000 + b"}",
     b'{"a": ' + b"9" * 400 + b"}", b'{"a": %d}' % (1 << 63), b'{"a": -%d}' % (1 << 63),
     b"\xff\xfe", b"",
     b'{"a": "\\ud800"}', b'{"a": NaN}', b"[]", b'{"a": {}}', b" " * (2 << 20)],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_a_damaged_record_is_a_value_error_and_a_memory_without_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "root.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_record(path, FORM)
    assert RootMemory(path).recall(device()) is None
    assert recall(path, "key") is None
    RootMemory(path).keep(device(), RootWay.SU_C)
    assert RootMemory(path).recall(device()) is RootWay.SU_C


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "root.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(OSError, match=r"no regular file|Is a directory"):
        read_record(path, FORM)
    assert RootMemory(path).recall(device()) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_JSON | st.dictionaries(st.just("R58M12"), _JSON))
def test_any_json_is_a_memory_of_a_way_or_of_none(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "root.json"
        path.write_text(json.dumps(value), "utf-8")
        assert RootMemory(path).recall(device()) in (None, *RootWay)


def test_several_devices_remembered_at_once_are_all_remembered(tmp_path: Path) -> None:
    memory = RootMemory(tmp_path / "root.json")
    threads = [
        threading.Thread(target=memory.keep, args=(device(str(number)), RootWay.ADBD))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(memory.recall(device(str(number))) is RootWay.ADBD for number in range(16))
