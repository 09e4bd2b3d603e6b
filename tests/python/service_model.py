"""Checks members of an API call against the botocore service model.

botocore's own ParamValidator looks at types, required members and lower
bounds. The model holds more: upper bounds, patterns and enumerations. This
module walks a value along its shape and reports every constraint it breaks.
"""

import functools

import botocore.session
import regex
from botocore.validate import ParamValidator


@functools.cache
def _session():
    return botocore.session.get_session()


@functools.cache
def service(name):
    return _session().get_service_model(name)


@functools.cache
def _compiled(pattern):
    # The model mixes two habits. Patterns without anchors come from services
    # that match the whole value; one that carries an anchor means what it says.
    text = pattern.replace(r"\p{ASCII}", r"\x00-\x7f")
    anchored = text.startswith("^") or text.endswith("$")
    return regex.compile(text if anchored else rf"\A(?:{text})\Z")


def matches(pattern, value):
    return _compiled(pattern).search(value) is not None


class Finding(dict):
    """One broken constraint: where, which rule, and the bound itself."""

    def __init__(self, path, rule, message, value=None):
        super().__init__(path=path, rule=rule, message=message)
        self.value = value


def walk(value, shape, path=""):
    """Every maximum, minimum, pattern, enum and unknown member below `value`."""
    findings = []
    _walk(value, shape, path, findings)
    return findings


def _walk(value, shape, path, out):
    if value is None:
        return
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return
        for name, item in value.items():
            member = shape.members.get(name)
            inner = f"{path}.{name}" if path else name
            if member is None:
                if not shape.is_document_type:
                    known = ", ".join(sorted(shape.members)) or "none"
                    out.append(Finding(inner, "unknown", f"unknown member, known are: {known}", item))
            else:
                _walk(item, member, inner, out)
    elif kind == "list":
        if not isinstance(value, (list, tuple)):
            return
        _bounds(len(value), shape, path, "items", value, out)
        for index, item in enumerate(value):
            _walk(item, shape.member, f"{path}[{index}]", out)
    elif kind == "map":
        if not isinstance(value, dict):
            return
        _bounds(len(value), shape, path, "entries", value, out)
        for key, item in value.items():
            _walk(key, shape.key, f"{path}.{key} (key)", out)
            _walk(item, shape.value, f"{path}.{key}", out)
    elif kind in ("string", "character"):
        if not isinstance(value, str):
            return
        _bounds(len(value), shape, path, "characters", value, out)
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            out.append(Finding(path, "pattern", f"does not match {pattern}", value))
        enum = getattr(shape, "enum", None) or shape.metadata.get("enum")
        if enum and value not in enum:
            out.append(Finding(path, "enum", f"is none of [{', '.join(enum)}]", value))
    elif kind in ("integer", "long", "float", "double"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return
        _bounds(value, shape, path, "", value, out)
    elif kind == "blob":
        if isinstance(value, (str, bytes)):
            _bounds(len(value), shape, path, "bytes", value, out)


def _bounds(size, shape, path, unit, value, out):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        out.append(Finding(path, "min", f"{size} {unit}".strip() + f" is below the minimum {low}", value))
    if high is not None and size > high:
        out.append(Finding(path, "max", f"{size} {unit}".strip() + f" is above the maximum {high}", value))


def judge(value, shape):
    """botocore's verdict and the walker's, as one list."""
    if shape is None:
        return [Finding("", "unknown", f"the operation has no such side, yet got {value!r}")] if value else []
    findings = []
    report = ParamValidator().validate(value, shape)
    # The walker repeats lower bounds and unknown members with a better path.
    for reason, path, info in report._errors:  # noqa: SLF001 - no public form
        if reason in ("invalid length", "invalid range", "unknown field"):
            continue
        text = report._format_error((reason, path, info))  # noqa: SLF001
        findings.append(Finding(path.lstrip("."), reason, text))
    return findings + walk(value, shape)
