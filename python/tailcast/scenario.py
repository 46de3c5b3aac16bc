"""What is simulated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from tailcast import _native
from tailcast._changes import changes_of, listed, vary_of
from tailcast.code import GapsOf, MakeRouter, Router, always, name_of
from tailcast.errors import ConfigError
from tailcast.results import Answer, Calibration, Curve, Plan, Run, Sweep
from tailcast.studies import compare, sweep_of

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tailcast._settings import Changes

__all__ = ["Scenario", "Setting"]

Values = Iterable[Any] | str


class Setting(TypedDict):
    """What a key of a scenario is, and why."""

    key: str
    value: str
    origin: str
    is_default: bool


class Scenario:
    """A deployment and its traffic. It never changes: ``with_`` gives another one.

    What is wrong with it is told when it is read: by a verb, or by ``check``.
    """

    def __init__(self, native: _native.Base) -> None:
        self._native = native

    @classmethod
    def demo(cls) -> Self:
        """The scenario that the command runs when none is given."""
        return cls(_native.Base.demo())

    @classmethod
    def from_toml(cls, path_or_text: str | os.PathLike[str]) -> Self:
        """The scenario in a file, or that a text is: a ``str`` with a line break or ``=`` is a text.

        Paths in a file start from its folder, those in a text from the working directory.
        """
        if isinstance(path_or_text, str) and ("\n" in path_or_text or "=" in path_or_text):
            return cls(_native.Base.from_toml(path_or_text))
        return cls(_native.Base.from_file(os.fspath(path_or_text)))

    @classmethod
    def from_dict(cls, scenario: Mapping[str, Any]) -> Self:
        """The scenario of tables such as ``{"model": {"name": "llama-3.1-8b"}}``, as in TOML."""
        return cls(_native.Base.from_dict(dict(scenario)))

    def with_(self, changes: Mapping[str, Any] | None = None, /, **keywords: Unpack[Changes]) -> Self:
        """The scenario with other values.

        ``changes`` has dotted keys, as behind ``--set``: ``{"batching.max_num_seqs": 64}``; a value takes the place of
        what stands there. Of keywords two underscores are a dot, ``batching__max_num_seqs=64``, and a dictionary is
        laid over a table key by key, ``batching={"max_num_seqs": 64}, slo={"ttft.p99": "2s"}``. Times are texts with
        units or ``timedelta``; what a key takes is in ``docs/REFERENCE.md`` and in ``tailcast.schema()``.
        """
        return type(self)(self._native.changed(changes_of(changes, keywords)))

    def with_router(
        self, router: Router | None = None, *, make: MakeRouter | None = None, name: str | None = None
    ) -> Self:
        """The scenario with Python code as its router, in the place of ``fleet.router``.

        router: called as ``router(request, servers)`` for each request that comes to the router (``tailcast.Request``,
        ``tailcast.Servers``), and again, whenever a request has ended or a server is ready, for each that waits there.
        It gives the number of a server that is ready, or ``None`` to let the request wait.
        make: for a router that remembers anything: ``make(seed)`` gives one for each run. Runs may go on at once.
        name: what results call it; made of the function's name and its code if left out. A sweep that goes on after
        an interruption takes code of the same name for the same code.

        Nothing but the request, the servers and the seed may decide, or runs cannot be repeated.
        """
        for given in (router, make):
            if given is not None and not callable(given):
                raise ConfigError(f"with_router: {given!r} cannot be called; give a function of a request and servers")
        if router is not None and make is None:
            return type(self)(self._native.with_router(name or name_of(router), always(router)))
        if make is not None and router is None:
            return type(self)(self._native.with_router(name or name_of(make), make))
        raise ConfigError("with_router takes a router, or make, which makes one for each run; give one of the two")

    def with_arrivals(self, gaps: GapsOf, *, of: str | None = None, name: str | None = None) -> Self:
        """The scenario with Python code as its arrival process, in the place of that of ``workload.arrivals``.

        gaps: called as ``gaps(rate, seed)`` at the start of each run, it gives an iterator (a generator, most likely)
        of the seconds before each request; requests end with it, or as the workload says. rate [requests/s] is
        ``workload.arrivals.rate``, or what a curve or a capacity tries: gaps have to be 1 / rate in the mean, and a
        warning says if they are not. seed: what chance grows from.
        of: the class whose requests come so; name: as for ``with_router``.
        """
        if not callable(gaps):
            raise ConfigError(f"with_arrivals: {gaps!r} cannot be called; give a function of a rate and a seed")
        return type(self)(self._native.with_arrivals(name or name_of(gaps), gaps, of))

    def check(self) -> list[str]:
        """Reads it, and gives its warnings."""
        return self._native.read()[0]

    @property
    def name(self) -> str:
        """What it is called."""
        return self._native.read()[1]

    @property
    def hash(self) -> str:
        """What names it in results: of all that decides about numbers but the seed."""
        return self._native.read()[2]

    @property
    def seed(self) -> int:
        """What all randomness grows from."""
        return self._native.read()[3]

    @property
    def settings(self) -> list[Setting]:
        """Every setting with its value and where that comes from, as ``run --explain`` prints them."""
        return [
            Setting(key=key, value=value, origin=origin, is_default=is_default)
            for key, value, origin, is_default in self._native.read()[4]
        ]

    def run(self, *, seeds: int = 1, range: bool = False, jobs: int | None = None) -> Run:
        """What its users would see.

        seeds: so many runs, whose seeds follow one another, for 95 % intervals.
        range: simulate twice more, with all steps shorter and longer by what they may be off.
        jobs: threads for several runs; one a processor if left out.
        """
        return Run(_native.run(self._native, seeds, range, jobs))

    def compare(
        self,
        vary: Mapping[str, Values] | Iterable[str] | str | None = None,
        *,
        seeds: int | None = None,
        capacity: bool = True,
        range: bool = False,
        jobs: int | None = None,
    ) -> Answer:
        """Variations side by side, on the same random numbers.

        vary: keys with their values, ``{"batching.policy": ["none", "continuous"]}``, or as the command writes it.
        seeds: runs of each; 8 if left out. capacity: find the highest load of each under its objectives.
        ``tailcast.compare`` compares several scenarios.
        """
        return compare([self], vary, seeds=seeds, capacity=capacity, range=range, jobs=jobs)

    def sweep(
        self,
        axes: Mapping[str | tuple[str, ...], Any],
        *,
        seeds: int = 1,
        metrics: Sequence[str] = (),
        range: bool = False,
        out: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        jobs: int | None = None,
    ) -> Sweep:
        """Every combination of values, a row a run: those of ``tailcast sweep``.

        axes: a key and its values, or a range: ``{"workload.arrivals.rate": [1, 2, 4]}``, ``"1..64"`` (doubles),
        ``{"from": 1, "to": 9, "steps": 5}``; keys in a tuple change together, by rows of values.
        metrics: numbers to keep, such as ``ttft.p99`` [s]; the usual ones if left out.
        out: keep the results in this file too (CSV, JSON Lines or Parquet), and go on from it after an interruption.
        """
        return sweep_of(self._native, axes, seeds, metrics, range, out, overwrite, jobs)

    def curve(
        self,
        *,
        concurrency: Values | None = None,
        rate: Values | None = None,
        measured: Sequence[str | os.PathLike[str]] = (),
        seeds: int = 1,
        refine: int = 2,
        range: bool = False,
        jobs: int | None = None,
    ) -> Curve:
        """Latency and throughput against requests at once, or requests per second.

        The loads are a list, or a range such as ``"1..512"`` (doubles) or ``"8..64+8"``. refine: how often to add
        points around the knee. measured: results of benchmarks, which stand beside the forecast.
        """
        texts = [it if it is None or isinstance(it, str) else listed(it) for it in (concurrency, rate)]
        files = [os.fspath(it) for it in measured]
        return Curve(_native.curve(self._native, texts[0], texts[1], files, seeds, refine, range, jobs))

    def capacity(
        self,
        *,
        of: str | None = None,
        rate: float | None = None,
        by_hour: bool = False,
        concurrency: int | None = None,
        users: int | None = None,
        think: str | None = None,
        seeds: int | None = None,
        changes: bool = True,
        range: bool = True,
        explain: bool = False,
        jobs: int | None = None,
    ) -> Answer:
        """The highest load that meets all objectives; or the fewest servers for a load, if one is given.

        of: what the load is, ``"rate"`` or ``"concurrency"``; by default what the scenario's is.
        rate [requests/s], concurrency [requests at once] or users, who think so long between requests: find servers.
        changes: try what would help. explain: hold the formula (memory - weights) / KV per user against it.
        """
        load = {"rate": rate, "concurrency": concurrency, "users": users, "think": think}
        given = {name: value for name, value in load.items() if value is not None}
        if by_hour:
            given["by_hour"] = True
        return Answer(_native.capacity(self._native, of, given, seeds, changes, range, explain, jobs))

    def plan(
        self,
        *,
        over: Mapping[str, Values] | Iterable[str] | str | None = None,
        seeds: int | None = None,
        jobs: int | None = None,
    ) -> Plan:
        """What production asks, answered from one scenario: users at once, latency budgets, costs, failures, decisions.

        over: which servers to buy from, ``{"gpu": ["h100-sxm", "l40s"]}``, or ``"all"``.
        """
        return Plan(_native.plan(self._native, vary_of(over), seeds, jobs))

    def calibrate(
        self,
        data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        coefficients: Sequence[str] | None = None,
    ) -> Calibration:
        """Step times and the front end, fitted to what was measured of this deployment.

        data: results of ``vllm bench serve --save-result``, or CSV of requests or of steps.
        coefficients: fit exactly these instead of those that the data tell.
        """
        files = [data] if isinstance(data, (str, os.PathLike)) else list(data)
        paths = [os.fspath(file) for file in files]
        names = None if coefficients is None else list(coefficients)
        return Calibration(_native.calibrate(self._native, paths, names))
