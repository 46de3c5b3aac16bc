"""Sweeps on many machines: parts of a study as tasks of Ray, put together as one machine would have written them.

Needs the extra ``ray``. All machines see the study, and what it names, under the same paths.
"""

from __future__ import annotations

import builtins
import json
import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tailcast import _native
from tailcast.results import Sweep
from tailcast.studies import refuse_taken

__all__ = ["sweep"]

_Question = tuple[str, str, int | None, bool]


def sweep(
    study: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    address: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    range: bool = False,
    overwrite: bool = False,
    runs_per_task: int = 300,
    retries: int = 10,
) -> Sweep:
    """Every point of a study, a row a run: the bytes of ``tailcast.sweep`` in ``out`` (CSV or Parquet).

    address: of the cluster, as for ``ray.init``; if left out the one that is connected to, or else this machine.
    runs_per_task: runs that are made one after the other on one CPU. retries: how often a part is made again whose
    worker is lost. The rest is as of ``tailcast.sweep``.
    """
    import ray  # type: ignore[import-not-found, import-untyped, unused-ignore]

    path = Path(out)
    if path.suffix not in (".csv", ".parquet"):
        raise ValueError(f"out={str(out)!r}: write a name that ends in .csv or .parquet")
    if runs_per_task < 1:
        raise ValueError(f"runs_per_task={runs_per_task}: write 1 or more")
    refuse_taken(path, overwrite)
    question = (str(Path(study).resolve()), json.dumps(dict(changes or {})), seeds, range)
    # Whatever is wrong with a point is known before anything is started.
    _, runs, warnings = _planned(question).describe()
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False)
    parts = max(1, -(-runs // runs_per_task))
    numbers = builtins.range(parts)
    part = ray.remote(num_cpus=1, max_retries=retries)(_part)
    waiting = {part.remote(question, f"{number + 1}/{parts}"): number for number in numbers}
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".tailcast-") as folder:
        files = [Path(folder, f"{number}.csv") for number in numbers]
        try:
            while waiting:
                done, _ = ray.wait(list(waiting), num_returns=1)
                for task in done:
                    files[waiting.pop(task)].write_text(ray.get(task), encoding="utf-8", newline="")
        except BaseException:
            for task in waiting:
                ray.cancel(task, force=True)
            raise
        lines = path if path.suffix == ".csv" else Path(folder, "all.csv")
        _native.merge([str(file) for file in files], lines)
        table = _native.results(lines)
        if lines != path:
            _native.parquet(lines, path)
    return Sweep(table, warnings)


@lru_cache(maxsize=4)
def _planned(question: _Question) -> _native.PlannedSweep:
    """A worker reads the scenarios of all points once, for all parts that it makes."""
    study, changes, seeds, range = question
    return _native.PlannedSweep(study, None, None, json.loads(changes), seeds, range)


def _part(question: _Question, shard: str) -> str:
    return _planned(question).lines(shard, 1)
