"""The form of fleet.yaml: hosts, the devices at each, and their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from droidreclaim import files
from droidreclaim.profiles import marked
from droidreclaim.profiles.reader import faulty, read_form
from droidreclaim.qa.words import Form, Yes, as_tuple, spelled

THIS = "this"
READ = ("model", "sdk", "release", "kernel", "ram")  # labels that a device tells itself
USUAL_FILE = Path("fleet.yaml")
_MOST_HOSTS, _MOST_DEVICES = 100, 1000

# No leading dash: the word must never be an option of ssh.
_Host: TypeAlias = Annotated[
    str, *spelled(r"^[A-Za-z0-9_][A-Za-z0-9@._:-]{0,254}$", "is no host for ssh: NAME or USER@NAME")
]
_Serial: TypeAlias = Annotated[str, *spelled(r"^[!-~]{1,255}$", "is no serial")]


def _of_your_own(label: str) -> str:
    if label in (*READ, "host", "serial"):
        raise ValueError(f"{label} is read from the device: it is no label of your own")
    return label


_Label: TypeAlias = Annotated[
    str,
    *spelled(r"^[a-z][a-z0-9_]{0,31}$", "is no label: small letters, digits and _"),
    AfterValidator(_of_your_own),
]
_Value: TypeAlias = Annotated[str, *spelled(r"^[ -~]{1,64}$", "is no value of a label")]


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Labels: TypeAlias = dict[_Label, Annotated[_Value, BeforeValidator(_as_text)]]


class DeviceForm(Form):
    """One device of a host: its serial alone, or with labels of its own."""

    serial: _Serial
    labels: Labels = Field(default={}, description="Words of your own, as desk: north.")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"serial": value} if isinstance(value, str) else value


def _devices(value: object) -> object:
    return "all" if value == "all" else as_tuple(value)


class HostForm(Form):
    """One host: this one, or one that ssh reaches."""

    this: Yes | None = Field(default=None, description="The host that the command runs on.")
    ssh: _Host | None = Field(default=None, description="Host, as ssh is told it.")
    devices: Annotated[
        Literal["all"] | Annotated[tuple[DeviceForm, ...], Field(max_length=_MOST_DEVICES)],
        BeforeValidator(_devices),
    ] = Field(default="all", description="Serials, or all that are attached.")
    labels: Labels = Field(default={}, description="Labels of every device of this host.")
    pocket_phones: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Pocket phones that a run boots here, and ends."
    )
    adb_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port of the adb server there."
    )
    droidreclaim: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Path of the program there."
    )

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {THIS: True} if value == THIS else value

    @model_validator(mode="after")
    def _fits(self) -> HostForm:
        if (self.this is None) == (self.ssh is None):
            raise ValueError("exactly one is wanted here of this, ssh")
        serials = self.serials or ()
        if len(set(serials)) < len(serials):
            raise ValueError("a serial stands there twice")
        return self

    @property
    def name(self) -> str:
        """How messages and reports call it."""
        return self.ssh or THIS

    @property
    def serials(self) -> tuple[str, ...] | None:
        """The devices that are named; None for all that are attached."""
        return None if self.devices == "all" else tuple(one.serial for one in self.devices)

    def labels_of(self, serial: str) -> dict[str, str]:
        """The labels that the file gives a device."""
        own = () if self.devices == "all" else self.devices
        return self.labels | next((one.labels for one in own if one.serial == serial), {})


class FleetForm(Form):
    """A fleet: where its devices are."""

    version: Literal[1]
    hosts: Annotated[
        tuple[HostForm, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=_MOST_HOSTS)
    ]

    @model_validator(mode="after")
    def _fits(self) -> FleetForm:
        names = [one.name for one in self.hosts]
        if len(set(names)) < len(names):
            raise ValueError("a host stands there twice")
        return self


HERE = FleetForm(version=1, hosts=(HostForm(this=True),))


def load(path: Path) -> FleetForm:
    """
    The fleet in *path*.

    Raises:
        UsageError: it cannot be read.
        ProfileError: it has faults; the message has a line for each.
    """
    found = read_form(files.read_bytes(path, marked.MAX_BYTES), FleetForm)
    if isinstance(found, FleetForm):
        return found
    raise faulty(str(path), found)
