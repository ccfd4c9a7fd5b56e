"""The runs of a fleet as one JUnit XML: a suite for each job, as its run wrote it. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as Xml
from collections.abc import Callable, Iterable, Iterator

from droidreclaim.fleet.outcomes import Outcome

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(outcomes: Iterable[Outcome], text_of: Callable[[Outcome], str | None]) -> Iterator[str]:
    """
    The document, suite by suite: of thousands of runs only one is held at a time.

    Args:
        text_of: Reads the ``junit.xml`` of an outcome's run; None where there is none.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="fleet">\n'
    for one in outcomes:
        text = text_of(one)
        suite = _own(text) if text is not None else None
        yield Xml.tostring(_named(suite, one) if suite is not None else _instead(one), "unicode")
        yield "\n"
    yield "</testsuites>\n"


def _own(text: str) -> Xml.Element | None:
    try:
        return Xml.fromstring(text)
    except Xml.ParseError:
        return None


def _named(suite: Xml.Element, one: Outcome) -> Xml.Element:
    """The suite of a run, named for its job and device, so that no two are alike."""
    where = one.device.name if one.device else "?"
    suite.set("name", _text(f"{one.job.name} on {where}"))
    for case in suite.iter("testcase"):
        case.set("classname", _text(f"{one.job.name}.{case.get('classname', '')}"))
    return suite


def _instead(one: Outcome) -> Xml.Element:
    """A job without a run's own suite: a storm that was measured, or what nobody played."""
    suite = Xml.Element("testsuite", name=_text(one.job.name), tests="1")
    suite.set("failures", "0" if one.played else "1")
    case = Xml.SubElement(suite, "testcase", classname=_text(one.job.name), name="played")
    if not one.played:
        Xml.SubElement(case, "failure", message=_text("; ".join(one.failures)))
    return suite


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
