"""The programs that the package carries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from droidreclaim.errors import NotPossible
from droidreclaim.helper.bundle import load_bundle

DATA = b"\x7fELF"
SHA256 = "3bdbb4fe8397cd2b842430b39ccff01a8663c751945ef5e9a09e267fb8b1d359"


def write(folder: Path, sha256: str, kind: str = "helper") -> None:
    """A bundle of one program, by hand."""
    (folder / "x86").mkdir()
    (folder / "x86" / f"droidreclaim-{kind}").write_bytes(DATA)
    entry = {"sha256": sha256, "sha1": "", "md5": "", "bytes": len(DATA)}
    written = {"build": "b" * 16, "protocol": 1, "helpers": {"x86": entry}}
    (folder / f"{kind}s.json").write_text(json.dumps(written))


def test_a_program_is_named_by_its_content(tmp_path: Path) -> None:
    write(tmp_path, SHA256)
    bundle = load_bundle(tmp_path)
    assert (bundle.build, bundle.protocol) == ("b" * 16, 1)
    assert bundle.helpers["x86"].name == f"helper-{SHA256[:16]}"
    assert bundle.helpers["x86"].read() == DATA


@pytest.mark.parametrize("kind", ["guard", "pressure"])
def test_each_kind_is_a_program_of_another_name(tmp_path: Path, kind: str) -> None:
    write(tmp_path, SHA256, kind)
    program = load_bundle(tmp_path, kind).helpers["x86"]
    assert program.name == f"{kind}-{SHA256[:16]}"
    assert program.read() == DATA


def test_a_damaged_program_is_not_handed_out(tmp_path: Path) -> None:
    write(tmp_path, "0" * 64)
    with pytest.raises(NotPossible, match="the helper for x86 is damaged"):
        load_bundle(tmp_path).helpers["x86"].read()


def test_a_tree_in_which_nothing_was_built_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match="pip install"):
        load_bundle(tmp_path)
