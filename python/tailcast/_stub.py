"""Writes ``_settings.pyi`` from the declarations of settings: ``python -m tailcast._stub python/tailcast``."""

import keyword
import sys
import textwrap
from pathlib import Path

from tailcast import _native

HEAD = '''"""Keywords of ``Scenario.with_``: made of the declarations of settings by ``python -m tailcast._stub``."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import Any, Literal, TypedDict

class Changes(TypedDict, total=False):
    """Keys of a scenario, with two underscores for a dot, and one behind a word of Python. A dictionary is
    laid over a table key by key."""
'''


def stub() -> str:
    """The text of the stub."""
    lines = [HEAD]
    for key, kind, help, unit, default in _native.changes():
        said = f"{help} [{unit}]" if unit else help
        said = f"{said}. {default}." if default else f"{said}."
        name = key.replace(".", "__")
        typed = f"    {name}_: {kind}" if keyword.iskeyword(name) else f"    {name}: {kind}"
        lines.extend(textwrap.wrap(said, 112, initial_indent="    # ", subsequent_indent="    # "))
        lines.append(typed)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], "_settings.pyi").write_text(stub(), encoding="utf-8")
