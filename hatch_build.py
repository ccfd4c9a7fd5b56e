"""
Compile what the package carries: the devices' programs for every ABI, and the pocket phone's.

Hatchling runs it as a build hook; ``python hatch_build.py`` builds in place for developers.
Zig (the ``ziglang`` package) is the compiler: one wheel of it holds every target.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, where only ziglang is wanted
    BuildHookInterface = object  # type: ignore[assignment,misc]

PROTOCOL = 1
DEVICE_SOURCES = Path("device-scripts")
HELPER_FOLDERS = ("common", "helper")  # below it: what the programs share, then its own
GUARD_FOLDERS = ("common", "guard")
PRESSURE_FOLDERS = ("common", "pressure")
HELPER_BINARIES = Path("droidreclaim/helper/bin")
GUEST_SOURCES = Path("droidreclaim/lab/phone/guest/src")
GUEST_BINARIES = Path("droidreclaim/lab/phone/guest/bin")
# By folder below GUEST_BINARIES.
GUEST_TARGETS = {"": "x86_64-linux-gnu.2.31", "arm64": "aarch64-linux-gnu.2.31"}

_SMALLEST = ["-Xclang", "-Oz"]  # zig takes its own -Oz for -Os
_NO_INLINING = ["-mllvm", "-inline-threshold=-100"]
# ABI as Android names it: zig's target, its folder of kernel headers, and what makes code small
# there. Without libc the environment part only chooses the calling convention: soft-float on arm.
HELPER_TARGETS: dict[str, tuple[str, str, list[str]]] = {
    "arm64-v8a": ("aarch64-linux-musl", "aarch64", [*_SMALLEST, "-flto"]),
    # (-Oz would divide by a library's function, link-time optimization makes it larger)
    "armeabi-v7a": ("thumb-linux-musleabi", "arm", _NO_INLINING),
    "x86_64": ("x86_64-linux-musl", "x86", [*_SMALLEST, "-flto"]),
    # (the registers: see arch.c)
    "x86": (
        "x86-linux-musl",
        "x86",
        [*_SMALLEST, *_NO_INLINING, "-mregparm=3", "-mstack-alignment=4"],
    ),
    "riscv64": ("riscv64-linux-musl", "riscv", _SMALLEST),
}
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
HELPER_FLAGS = [
    *("-std=gnu11", "-Os", "-s", "-static", "-nostdlib", "-ffreestanding"),
    *("-fno-stack-protector", "-fomit-frame-pointer"),
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-ident"),
    *("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),  # the other program's
    "-Wl,-z,max-page-size=65536",  # runs on kernels with pages of 4, 16 and 64 KiB
]
NOT_FOR_DEVICES = "hosted.c"  # the libc end of the unit tests' build


def _zig(arguments: list[str], folder: Path) -> None:
    """Run ``zig cc`` in *folder*, so that no path of this machine reaches the output."""
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *arguments], cwd=folder, check=True)


def _kernel_headers(architecture: str) -> list[str]:
    """Options for zig's copies of the kernel's headers, which -nostdlib leaves out."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise SystemExit("hatch_build.py: the ziglang package is not installed")
    include = Path(spec.origin).parent / "lib" / "libc" / "include"
    folders = (include / f"{architecture}-linux-any", include / "any-linux-any")
    return [word for folder in folders for word in ("-isystem", str(folder))]


def source_hash(sources: Path, folders: tuple[str, ...]) -> str:
    """
    16 hex digits that name the sources of a program: the handshake compares them.

    A file counts with its path below *sources*, so that a move to another folder changes them too.
    """
    digest = hashlib.sha256()
    for path in (path for folder in folders for path in sorted((sources / folder).glob("*.[ch]"))):
        name, content = path.relative_to(sources).as_posix(), path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _c_files(sources: Path, folders: tuple[str, ...]) -> list[str]:
    """The C files that devices get, as paths below *sources*."""
    paths = [path for folder in folders for path in sorted((sources / folder).glob("*.c"))]
    return [path.relative_to(sources).as_posix() for path in paths if path.name != NOT_FOR_DEVICES]


def compile_without_libc(abi: str, binary: Path, arguments: list[str], folder: Path) -> None:
    """Compile what *arguments* name in *folder* to a static program for *abi*."""
    target, architecture, small = HELPER_TARGETS[abi]
    options = ["-target", target, *HELPER_FLAGS, *small, *WARNINGS, *_kernel_headers(architecture)]
    _zig([*options, "-o", str(binary), *arguments], folder)
    _drop_section_headers(binary)


def _drop_section_headers(binary: Path) -> None:
    """Cut off what only debuggers read, 300 to 450 bytes: a program is loaded by its segments."""
    content = bytearray(binary.read_bytes())
    wide = content[4] == 2  # EI_CLASS; the offsets are those of Elf64_Ehdr and Elf64_Phdr, or of 32
    word, (table_at, headers_at), (size_at, names_at) = (
        ("<Q", (32, 40), (54, 62)) if wide else ("<I", (28, 32), (42, 50))
    )
    offset_at, bytes_at = (8, 32) if wide else (4, 16)
    (table,) = struct.unpack_from(word, content, table_at)
    size, count = struct.unpack_from("<HH", content, size_at)
    segments = range(table, table + size * count, size)
    ends = [
        struct.unpack_from(word, content, segment + offset_at)[0]
        + struct.unpack_from(word, content, segment + bytes_at)[0]
        for segment in segments
    ]
    struct.pack_into(word, content, headers_at, 0)
    struct.pack_into("<HH", content, names_at - 2, 0, 0)
    binary.write_bytes(content[: max(ends)])


def _build_for(root: Path, abi: str, name: str, arguments: list[str]) -> dict[str, object]:
    """Compile one program for *abi*; its hashes and size."""
    binary = root / HELPER_BINARIES / abi / name
    binary.parent.mkdir(parents=True, exist_ok=True)
    compile_without_libc(abi, binary.absolute(), arguments, root / DEVICE_SOURCES)
    content = binary.read_bytes()
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "sha1": hashlib.sha1(content).hexdigest(),  # devices before Android 8 lack sha256sum
        "md5": hashlib.md5(content).hexdigest(),
        "bytes": len(content),
    }


def _build_program(root: Path, name: str, listing: str, folders: tuple[str, ...]) -> None:
    """Compile a program for every ABI and write the list of what was built."""
    sources = root / DEVICE_SOURCES
    build = source_hash(sources, folders)
    includes = [f"-I{folder}" for folder in folders]
    arguments = [f'-DBUILD="{build}"', *includes, *_c_files(sources, folders)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        built = pool.map(lambda abi: _build_for(root, abi, name, arguments), HELPER_TARGETS)
        programs = dict(zip(HELPER_TARGETS, built, strict=True))
    written = {"build": build, "protocol": PROTOCOL, "helpers": programs}
    (root / HELPER_BINARIES / listing).write_text(json.dumps(written, indent=1) + "\n")


def build_helpers(root: Path) -> None:
    """Compile what is pushed to devices: the helper, the guard and the pressure."""
    _build_program(root, "droidreclaim-helper", "helpers.json", HELPER_FOLDERS)
    _build_program(root, "droidreclaim-guard", "guards.json", GUARD_FOLDERS)
    _build_program(root, "droidreclaim-pressure", "pressures.json", PRESSURE_FOLDERS)


def build_guest(root: Path) -> None:
    """Compile the pocket phone's programs, one for each .c file, for each processor it may have."""
    sources = root / GUEST_SOURCES
    options = ["-O2", "-s", "-Wall", "-Wextra", "-Werror"]
    targets = {(root / GUEST_BINARIES / at).absolute(): to for at, to in GUEST_TARGETS.items()}
    for binaries in targets:
        binaries.mkdir(parents=True, exist_ok=True)
    # The targets take turns: zig makes the libc of each once, while others that want it wait.
    wanted = [
        ["-target", target, *options, "-o", str(binaries / program.stem), program.name]
        for program in sorted(sources.glob("*.c"))
        for binaries, target in targets.items()
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda words: _zig(words, sources), wanted))


def build_man_page(root: Path) -> Path:
    """Make the man page of the documentation's page of commands."""
    made = root / "build/droidreclaim.1"
    made.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "man_page.py", str(made)], cwd=root, check=True)
    return made


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's hook: compile before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Build in place; pyproject.toml names the outputs as artifacts, but the man page."""
        del version
        build_helpers(Path(self.root))
        build_guest(Path(self.root))
        shared = build_data.setdefault("shared_data", {})
        assert isinstance(shared, dict)
        shared[str(build_man_page(Path(self.root)))] = "share/man/man1/droidreclaim.1"


if __name__ == "__main__":
    build_helpers(Path(__file__).parent)
    build_guest(Path(__file__).parent)
