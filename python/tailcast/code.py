"""Routers and arrival processes that are Python code."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import Any

from tailcast._native import Request, Servers

__all__ = ["GapsOf", "MakeRouter", "Router", "always", "name_of"]

Router = Callable[[Request, Servers], "int | None"]
MakeRouter = Callable[[int], Router]
GapsOf = Callable[[float, int], "Iterable[float]"]


def always(router: Router) -> MakeRouter:
    """Makes the same router for every run: one that remembers nothing."""
    return lambda seed: router


def name_of(code: object) -> str:
    """What code is called in results, and of what it does so much that code which was changed has another name."""
    named = code.func if isinstance(code, functools.partial) else code
    name = getattr(named, "__qualname__", type(named).__qualname__)
    digest = hashlib.sha256(repr(_essence(code)).encode()).hexdigest()
    return f"{name}#{digest[:8]}"


def _essence(code: object) -> Any:
    """What code does, as far as it can be seen: not what it reads of variables around it."""
    if isinstance(code, CodeType):
        constants = [_essence(it) if isinstance(it, CodeType) else repr(it) for it in code.co_consts]
        return code.co_code.hex(), code.co_names, constants
    if isinstance(code, functools.partial):
        return _essence(code.func), repr(code.args), repr(code.keywords)
    function = getattr(code, "__func__", code)
    if isinstance(function, FunctionType):
        return _essence(function.__code__), repr(function.__defaults__), repr(function.__kwdefaults__)
    kind = code if isinstance(code, type) else type(code)
    return [(name, _essence(it)) for name, it in sorted(vars(kind).items()) if isinstance(it, FunctionType)]
