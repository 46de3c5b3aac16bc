"""What keyword arguments and dictionaries change, as dotted keys with values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tailcast.errors import ConfigError

__all__ = ["axes_of", "changes_of", "listed", "vary_of"]


def changes_of(changes: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as they are; of keywords two underscores are a dot, and a dictionary is a table whose keys are laid
    over one by one."""
    found: dict[str, Any] = dict(changes or {})
    for name, value in keywords.items():
        # A word of Python, such as class, is written with an underscore behind it.
        key = name.removesuffix("_").replace("__", ".")
        if isinstance(value, Mapping) and "." not in key and value:
            for inner, inner_value in value.items():
                found[f"{key}.{quoted(str(inner))}"] = inner_value
        else:
            found[key] = value
    return found


def quoted(key: str) -> str:
    """A key in which dots are no dots, as in TOML."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def vary_of(vary: Mapping[str, Iterable[Any] | str] | Iterable[str] | str | None) -> list[str]:
    """What to vary, as the command writes it: ``KEY=VALUE,VALUE``."""
    if vary is None:
        return []
    if isinstance(vary, str):
        return [vary]
    if isinstance(vary, Mapping):
        return [f"{key}={values if isinstance(values, str) else listed(values)}" for key, values in vary.items()]
    return list(vary)


def listed(values: Iterable[Any]) -> str:
    """Values with commas between them."""
    return ",".join(written(value) for value in values)


def written(value: Any) -> str:
    """A value as in TOML, words without quotes where they need none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*|[0-9.]+[A-Za-z%]+", value)
        if plain and value not in ("true", "false", "inf", "nan"):
            return value
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, Mapping):
        inner = ", ".join(f"{quoted(str(key))} = {in_quotes(item)}" for key, item in value.items())
        return "{ " + inner + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(in_quotes(item) for item in value) + "]"
    if hasattr(value, "__index__"):
        return str(int(value))
    if hasattr(value, "__float__"):
        return repr(float(value))
    raise ConfigError(f"{value!r} cannot vary\n  = help: write numbers, texts, bools, lists or dicts")


def in_quotes(value: Any) -> str:
    """A value as in TOML."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return written(value)


def axes_of(axes: Mapping[Any, Any]) -> str:
    """The axes of a study as TOML: a key and its values, or several keys that change together and rows of values."""
    lines = []
    for key, values in axes.items():
        lines.append("[[axis]]")
        if isinstance(key, tuple):
            rows = ", ".join("[" + ", ".join(in_quotes(item) for item in row) + "]" for row in values)
            lines.append(f"keys = [{', '.join(in_quotes(one) for one in key)}]\nvalues = [{rows}]")
        elif isinstance(values, Mapping):
            lines.append(f"key = {in_quotes(key)}")
            lines.extend(f"{name} = {in_quotes(value)}" for name, value in values.items())
        elif isinstance(values, str):
            lines.append(f"key = {in_quotes(key)}\nvalues = {in_quotes(values)}")
        else:
            lines.append(f"key = {in_quotes(key)}\nvalues = [{', '.join(in_quotes(value) for value in values)}]")
    return "\n".join(lines) + "\n"
