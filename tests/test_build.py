"""The build: a helper for every ABI, loadable by any kernel, the same bytes in any folder."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).parents[1]
MACHINES = {
    "arm64-v8a": ("EM_AARCH64", 64),
    "armeabi-v7a": ("EM_ARM", 32),
    "x86_64": ("EM_X86_64", 64),
    "x86": ("EM_386", 32),
    "riscv64": ("EM_RISCV", 64),
}
PROGRAMS = {  # by the most bytes one may have
    "droidreclaim-helper": 64 * 1024,
    "droidreclaim-guard": 64 * 1024,
    "droidreclaim-pressure": 64 * 1024,
}
KINDS = ("helper", "guard", "pressure")
LISTINGS = tuple(f"{kind}s.json" for kind in KINDS)
EF_ARM_ABI_FLOAT_HARD = 0x400


def load_build_script() -> ModuleType:
    """hatch_build.py, which lies beside the package and not in it."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_sources(to: Path) -> Path:
    """What the helpers' build reads, in another place."""
    shutil.copytree(ROOT / "device-scripts", to / "device-scripts")
    shutil.copy(ROOT / "hatch_build.py", to)
    return to


def is_current(root: Path) -> bool:
    """Whether the helpers in *root* are those of its sources."""
    hash_of, found = load_build_script().source_hash, root / "droidreclaim" / "helper" / "bin"
    return all(
        (found / f"{kind}s.json").exists()
        and json.loads((found / f"{kind}s.json").read_text())["build"]
        == hash_of(root / "device-scripts", ("common", kind))
        for kind in KINDS
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkout where its helpers are current, else a folder with newly built ones."""
    if is_current(ROOT):
        return ROOT
    root = copy_sources(tmp_path_factory.mktemp("build"))
    load_build_script().build_helpers(root)
    return root


@pytest.fixture(scope="module")
def binaries(built: Path) -> Path:
    return built / "droidreclaim" / "helper" / "bin"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("abi", MACHINES)
def test_a_program_is_static_small_and_aligned_for_every_page_size(
    binaries: Path, abi: str, name: str
) -> None:
    path = binaries / abi / name
    machine, bits = MACHINES[abi]
    assert path.stat().st_size < PROGRAMS[name]
    assert path.stat().st_mode & 0o111
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        loads = [part for part in elf.iter_segments() if part["p_type"] == "PT_LOAD"]
        kinds = {part["p_type"] for part in elf.iter_segments()}
        assert (elf["e_machine"], elf.elfclass, elf["e_type"]) == (machine, bits, "ET_EXEC")
        assert {part["p_align"] for part in loads} == {65536}
        assert not any(part["p_flags"] & 3 == 3 for part in loads)  # writable and executable
        assert not kinds & {"PT_INTERP", "PT_DYNAMIC"}
        if machine == "EM_ARM":
            assert not elf["e_flags"] & EF_ARM_ABI_FLOAT_HARD


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_names_a_program_for_every_abi_with_its_hashes(
    binaries: Path, built: Path, kind: str
) -> None:
    listing = json.loads((binaries / f"{kind}s.json").read_text())
    assert listing["protocol"] == 1
    sources = built / "device-scripts"
    assert listing["build"] == load_build_script().source_hash(sources, ("common", kind))
    assert list(listing["helpers"]) == list(MACHINES)
    for abi, entry in listing["helpers"].items():
        path = binaries / abi / f"droidreclaim-{kind}"
        for tool in ("sha256", "sha1", "md5"):
            sum_of = subprocess.run([f"{tool}sum", path], capture_output=True, check=True).stdout
            assert entry[tool] == sum_of.split()[0].decode()
        assert entry["bytes"] == path.stat().st_size


def test_a_changed_source_changes_the_build_hash(tmp_path: Path) -> None:
    script = load_build_script()
    sources = copy_sources(tmp_path) / "device-scripts"
    before = script.source_hash(sources, ("common", "helper"))
    assert before == script.source_hash(ROOT / "device-scripts", ("common", "helper"))
    with (sources / "common" / "main.c").open("a") as stream:
        stream.write("\n")
    assert script.source_hash(sources, ("common", "helper")) != before


def test_a_source_that_moves_to_another_folder_changes_the_build_hash(tmp_path: Path) -> None:
    script = load_build_script()
    sources = copy_sources(tmp_path) / "device-scripts"
    before = script.source_hash(sources, ("common", "helper"))
    (sources / "helper" / "a.h").write_text("")
    here = script.source_hash(sources, ("common", "helper"))
    (sources / "helper" / "a.h").rename(sources / "common" / "a.h")
    assert len({before, here, script.source_hash(sources, ("common", "helper"))}) == 3


def test_programs_of_the_guest_are_built_each_from_its_file(tmp_path: Path) -> None:
    script = load_build_script()
    sources = tmp_path / script.GUEST_SOURCES
    sources.mkdir(parents=True)
    (sources / "shared.h").write_text("#define ANSWER 42\n")
    (sources / "answer.c").write_text(
        '#include <stdio.h>\n#include "shared.h"\nint main(void) { printf("%d\\n", ANSWER); }\n'
    )
    script.build_guest(tmp_path)
    folder = tmp_path / script.GUEST_BINARIES
    program = folder / "answer"
    assert sorted(path.name for path in folder.iterdir()) == ["answer", "arm64"]
    for path, machine in ((program, "EM_X86_64"), (folder / "arm64" / "answer", "EM_AARCH64")):
        with path.open("rb") as stream:
            assert ELFFile(stream)["e_machine"] == machine
    if os.uname().machine == "x86_64":
        assert subprocess.run([program], capture_output=True, check=True).stdout == b"42\n"


@pytest.mark.parametrize("abi", MACHINES)
def test_a_helper_runs_on_its_abi(binaries: Path, abi: str) -> None:
    """Run it natively where this machine can, else under qemu-user where that is installed."""
    emulators = {"arm64-v8a": "qemu-aarch64", "armeabi-v7a": "qemu-arm", "riscv64": "qemu-riscv64"}
    words = [str(binaries / abi / "droidreclaim-helper"), "hello"]
    native = {"x86_64": ("x86_64", "x86"), "aarch64": ("arm64-v8a",)}
    if abi not in native.get(os.uname().machine, ()):
        emulator = shutil.which(emulators.get(abi, "qemu-x86_64"))
        if emulator is None:
            pytest.skip(f"needs {emulators.get(abi)} (qemu-user) to run a program for {abi}")
        words.insert(0, emulator)
    run = subprocess.run(words, capture_output=True, check=True)
    assert json.loads(run.stdout.splitlines()[0])["abi"] == abi


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the source distribution holds: it must carry all that a wheel's build needs."""
    folder = tmp_path_factory.mktemp("somewhere else")
    checkout = folder / "checkout"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if names.returncode != 0:
        pytest.skip("not a git checkout")
    for name in os.fsdecode(names.stdout).split("\0")[:-1]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    (checkout / "README.md").touch()
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run([*build, "--directory", str(folder)], cwd=checkout, check=True)
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder)
    return folder / sdist.name.removesuffix(".tar.gz")


def test_the_source_distribution_carries_all_that_a_build_reads(unpacked: Path) -> None:
    script = load_build_script()
    folders = (script.DEVICE_SOURCES, script.GUEST_SOURCES, Path("profiles"))
    read = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    read += [ROOT / name for name in ("hatch_build.py", "man_page.py", "docs/commands.md")]
    for path in read:
        assert (unpacked / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, by a compiler whose cache is empty."""
    folder = tmp_path_factory.mktemp("wheel")
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"), "ZIG_LOCAL_CACHE_DIR": ""}
    environment = {key: value for key, value in (os.environ | caches).items() if value}
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(folder)], cwd=unpacked, check=True, env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.nightly
def test_another_folder_and_an_empty_cache_give_the_same_bytes(
    binaries: Path, unpacked: Path, wheel: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for listing in LISTINGS:
            carried = archive.read(f"droidreclaim/helper/bin/{listing}").decode()
            assert carried == (binaries / listing).read_text()
    again = unpacked / "droidreclaim" / "helper" / "bin"
    assert {path.name for path in again.iterdir()} == {*MACHINES, *LISTINGS}


@pytest.mark.nightly
def test_a_wheel_carries_every_helper_and_fits_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    assert any(name.endswith(".data/data/share/man/man1/droidreclaim.1") for name in carried)
    programs = {f"droidreclaim/helper/bin/{abi}/{name}" for abi in MACHINES for name in PROGRAMS}
    assert programs <= carried
    assert {f"droidreclaim/helper/bin/{listing}" for listing in LISTINGS} <= carried
    assert {
        f"droidreclaim/profiles/{name}.yaml" for name in ("keep-games", "gentle", "favourites")
    } <= carried
