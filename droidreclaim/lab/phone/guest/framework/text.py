"""How Android writes a number, a duration, a user id and an importance."""

FIRST_APP_UID = 10000
FIRST_ISOLATED_UID = 99000
USER_UIDS = 100000

_LABELS = (  # lowest adj of the band, label; formats.md 4
    (900, "cch"),
    (800, "svcb"),
    (700, "prev"),
    (600, "home"),
    (500, "svc"),
    (400, "hvy"),
    (300, "bkup"),
    (250, "prcl"),
    (225, "prcm"),
    (200, "prcp"),
    (100, "vis"),
    (0, "fg"),
    (-700, "psvc"),
    (-800, "pers"),
    (-900, "sys"),
)


def label(adj: int, sdk: int) -> str:
    """Return the label of *adj* as that release pads it; ``fg`` was ``fore`` before Android 11."""
    base, name = next(((low, name) for low, name in _LABELS if adj >= low), (-1000, "ntv"))
    if name == "fg" and sdk < 30:
        name = "fore"
    beyond = adj - base
    if name == "cch" and beyond:
        return f"cch+{beyond:2d}" if sdk >= 29 else f"cch+{beyond}"
    return f"{name:<{6 if sdk >= 29 else 5}}"


def user(uid: int, owner_uid: int | None = None) -> str:
    """Return a uid as dumps print it: ``u0a90``, ``u10s1000``, ``u0a276i5`` (with its owner)."""
    number, app = divmod(uid, USER_UIDS)
    if app >= FIRST_ISOLATED_UID:
        owner = (owner_uid or 0) % USER_UIDS
        if 0 < owner < FIRST_APP_UID:
            return str(uid)
        prefix = f"u{number}a{owner - FIRST_APP_UID}" if owner else f"u{number}"
        return f"{prefix}i{app - FIRST_ISOLATED_UID}"
    if app >= FIRST_APP_UID:
        return f"u{number}a{app - FIRST_APP_UID}"
    return str(uid) if number == 0 else f"u{number}s{app}"


def size(number: float) -> str:
    """Return bytes as ``0.00``, ``5.7MB``, ``214MB``: Android moves to the next unit above 900."""
    units = ["", "KB", "MB", "GB"]
    while abs(number) > 900 and len(units) > 1:
        number /= 1024
        units.pop(0)
    digits = 2 if number < 1 else 1 if number < 10 else 0
    return f"{number:.{digits}f}{units[0]}"


def duration(seconds: float) -> str:
    """Return a signed duration as ``+1h7m18s335ms``; nothing is ``0``."""
    millis = round(seconds * 1000)
    if millis == 0:
        return "0"
    sign = "+" if millis > 0 else "-"
    rest, millis = divmod(abs(millis), 1000)
    parts: list[str] = []
    for unit_s, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, unit_s)
        if count or parts:
            parts.append(f"{count}{name}")
    return sign + "".join([*parts, f"{millis}ms"])


def kilobytes(number: int) -> str:
    """Return bytes as ``1,465,424K``."""
    return f"{number // 1024:,}K"
