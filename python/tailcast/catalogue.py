"""What a scenario may name, and what it may say."""

import json
from typing import Any

from tailcast import _native

__all__ = ["gpus", "init", "models", "schema"]


def models(*words: str) -> list[dict[str, Any]]:
    """The models of the catalogue: the one of this name, or all with these words in their names.

    Each has its parameters, its weights and the KV cache of a token in bytes, and its source.
    """
    found: list[dict[str, Any]] = json.loads(_native.models(list(words)))
    return found


def gpus(*words: str) -> list[dict[str, Any]]:
    """The GPUs of the catalogue: the one of this name, or all with these words in their names.

    Memory is in bytes, bandwidths in bytes per second, peaks in operations per second.
    """
    found: list[dict[str, Any]] = json.loads(_native.gpus(list(words)))
    return found


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario."""
    found: dict[str, Any] = json.loads(_native.schema())
    return found


def init(model: str | None = None, gpu: str | None = None) -> str:
    """The text of a scenario to start from, with every key, its default and what it is."""
    return _native.init(model, gpu)
