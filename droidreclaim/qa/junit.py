"""A run as JUnit: one case for each round and each expectation, and one for the verdict. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from droidreclaim.qa.figures import Result
from droidreclaim.qa.record import Round

# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: Result, head: Mapping[str, Any]) -> str:
    """The document, as CI servers read it."""
    name = result.scenario.name
    suite = Xml.Element("testsuite", name=name)
    properties = Xml.SubElement(suite, "properties")
    serial = (head.get("device") or {}).get("serial")
    for key, value in (("serial", serial), ("verdict", result.subject.verdict)):
        Xml.SubElement(properties, "property", name=key, value=_text(str(value)))
    for one in result.rounds:
        _round(suite, result, one)
    for checked in result.expectations:
        if checked.round is None:
            case = _case(suite, f"{name}.{checked.arm}", checked.expect, 0.0)
            if not checked.passed:
                _failure(case, str(checked))
    verdict = _case(suite, name, "verdict", 0.0)
    if result.subject.why_nothing:
        _failure(verdict, result.sentence)
    for key in ("failure", "skipped"):
        count = sum(case.find(key) is not None for case in suite.iter("testcase"))
        suite.set({"failure": "failures"}.get(key, key), str(count))
    suite.set("tests", str(sum(1 for _ in suite.iter("testcase"))))
    Xml.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(suite, encoding="unicode")


def _round(suite: Xml.Element, result: Result, one: Round) -> None:
    case = _case(
        suite, f"{result.scenario.name}.{one.arm}", f"round {one.number:02} {one.arm}", one.took_s
    )
    properties = Xml.SubElement(case, "properties")
    for key, value in (("arm", one.arm), ("state", one.state.value), ("resume", one.kind)):
        Xml.SubElement(properties, "property", name=key, value=_text(value))
    if one.discarded is not None:
        Xml.SubElement(case, "skipped", message=_text(f"discarded: {one.discarded}"))
        return
    failed = [
        str(checked)
        for checked in result.expectations
        if (checked.round, checked.arm, checked.passed) == (one.number, one.arm, False)
    ]
    if one.fault is not None:
        failed.append(one.fault)
    if failed:
        _failure(case, "; ".join(failed))


def _case(suite: Xml.Element, group: str, name: str, time_s: float) -> Xml.Element:
    return Xml.SubElement(
        suite, "testcase", classname=_text(group), name=_text(name), time=f"{time_s:.3f}"
    )


def _failure(case: Xml.Element, message: str) -> None:
    Xml.SubElement(case, "failure", message=_text(message))


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
