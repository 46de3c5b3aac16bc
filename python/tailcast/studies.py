"""Questions about several scenarios, or about files that name them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailcast import _native
from tailcast._changes import axes_of, in_quotes, vary_of
from tailcast.errors import ConfigError
from tailcast.results import Answer, Sweep

if TYPE_CHECKING:
    from tailcast.scenario import Scenario, Values

__all__ = ["compare", "merge", "sweep", "validate"]


def compare(
    scenarios: Mapping[str, Scenario] | Sequence[Scenario],
    vary: Mapping[str, Values] | Iterable[str] | str | None = None,
    *,
    seeds: int | None = None,
    capacity: bool = True,
    range: bool = False,
    jobs: int | None = None,
) -> Answer:
    """Scenarios side by side, each with all combinations of what varies, on the same random numbers.

    scenarios: in a dictionary each has a name; in a list it is called as its file is.
    The rest is as of ``Scenario.compare``.
    """
    names = list(scenarios) if isinstance(scenarios, Mapping) else []
    each = list(scenarios.values()) if isinstance(scenarios, Mapping) else list(scenarios)
    bases = [scenario._native for scenario in each]
    return Answer(_native.compare(bases, names, vary_of(vary), seeds, capacity, range, jobs))


def sweep(
    study: str | os.PathLike[str],
    *,
    changes: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    range: bool = False,
    out: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
) -> Sweep:
    """Every point of a study in a file (TOML), a row a run, as ``tailcast sweep`` writes them.

    changes: other values of dotted keys, as behind ``--set``. seeds: runs at each point, whatever the study says.
    out: keep the results in this file too (CSV, JSON Lines or Parquet); a sweep that was interrupted goes on from it.
    shard: make only a part, such as ``"2/7"``; ``tailcast.merge`` puts the files of all parts together.
    """
    planned = _native.PlannedSweep(os.fspath(study), None, None, dict(changes or {}), seeds, range)
    return _made(planned, out, shard, overwrite, jobs)


def sweep_of(
    base: _native.Base,
    axes: Mapping[str | tuple[str, ...], Any],
    seeds: int,
    metrics: Sequence[str],
    range: bool,
    out: str | os.PathLike[str] | None,
    overwrite: bool,
    jobs: int | None,
) -> Sweep:
    """The sweep of a scenario that stands in no file."""
    kept = f"metrics = [{', '.join(in_quotes(name) for name in metrics)}]\n" if metrics else ""
    planned = _native.PlannedSweep(None, kept + axes_of(axes), base, {}, seeds, range)
    return _made(planned, out, None, overwrite, jobs)


def _made(
    planned: _native.PlannedSweep,
    out: str | os.PathLike[str] | None,
    shard: str | None,
    overwrite: bool,
    jobs: int | None,
) -> Sweep:
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            return _made(planned, Path(folder, "results.csv"), shard, overwrite, jobs)
    path = Path(out)
    if path.suffix != ".parquet" or (path.exists() and not overwrite):
        _, warnings = planned.write(path, shard, overwrite, jobs)
        return Sweep(_native.results(path), warnings)
    # By way of lines: those are gone on with after an interruption, and read back.
    lines = path.with_name(path.name + ".csv")
    _, warnings = planned.write(lines, shard, overwrite, jobs)
    table = _native.results(lines)
    _native.parquet(lines, path)
    lines.unlink()
    return Sweep(table, warnings)


def refuse_taken(out: Path, overwrite: bool) -> None:
    """Refuses to replace a file that is there."""
    if out.exists() and not overwrite:
        raise ConfigError(f"{out} is there already\n = help: give another out, or overwrite=True to make it again")


def merge(shards: Iterable[str | os.PathLike[str]], out: str | os.PathLike[str]) -> int:
    """Puts the results of all shards of a sweep together in one file, as one sweep would have written it; gives the
    number of its runs."""
    return _native.merge([os.fspath(path) for path in shards], os.fspath(out))


def validate(
    manifest: str | os.PathLike[str],
    *,
    changes: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    fail_above: Iterable[str] = (),
    jobs: int | None = None,
) -> Answer:
    """Predictions against what was measured, for the experiments of a manifest.

    fail_above: limits on mean absolute errors, such as ``"e2e.mean<5%"``; ``is_met`` says whether they hold.
    """
    answer = _native.validate(os.fspath(manifest), dict(changes or {}), seeds, list(fail_above), jobs)
    return Answer(answer)
