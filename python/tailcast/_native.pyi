"""The compiled part. What it offers is for the modules beside it, but for ``Table``."""

from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, final

__version__: str

_Path = str | PathLike[str]

@final
class Base:
    """The text of a scenario."""

    @staticmethod
    def demo() -> Base: ...
    @staticmethod
    def from_file(path: _Path) -> Base: ...
    @staticmethod
    def from_toml(text: str) -> Base: ...
    @staticmethod
    def from_dict(scenario: dict[str, Any]) -> Base: ...
    def changed(self, changes: dict[str, Any]) -> Base: ...
    def with_router(self, name: str, make: Callable[[int], Callable[[Request, Servers], int | None]]) -> Base: ...
    def with_arrivals(self, name: str, gaps: Callable[[float, int], Iterable[float]], of: str | None) -> Base: ...
    def read(self) -> tuple[list[str], str, str, int, list[tuple[str, str, str, bool]]]: ...

@final
class Request:
    """What a router knows of a request."""

    @property
    def number(self) -> int:
        """Its place in the order of arrival, from 0, among those of its class."""

    @property
    def arrival(self) -> float:
        """When it came to the router first [s]."""

    @property
    def class_number(self) -> int:
        """The place of its class among all, from 0."""

    @property
    def prompt_tokens(self) -> int:
        """How long its prompt is."""

    @property
    def max_tokens(self) -> int:
        """The most tokens that it asks for; how many it will get nobody knows."""

    @property
    def priority(self) -> int:
        """Lower numbers are more urgent."""

    @property
    def session(self) -> int:
        """The same for all turns of a session."""

    @property
    def turn(self) -> int:
        """Which turn of its session it is, from 1."""

@final
class Servers:
    """What a router knows of the servers, while it is asked: none can be looked at afterwards, or from another thread.

    Counts are as old as ``fleet.state_delay`` says; what is inside of a server is known as it is.
    """

    def ready(self) -> list[int]:
        """The servers that take requests and could serve this one, in the order of their numbers."""

    def outstanding(self, server: int) -> int:
        """How many requests were sent there and have not ended."""

    def places(self, server: int) -> int:
        """How many requests it can run at once."""

    def weight(self, server: int) -> float:
        """How much it takes beside others: twice as much, twice as many."""

    def running(self, server: int) -> int:
        """How many requests it has in its batch."""

    def waiting(self, server: int) -> int:
        """How many requests wait in it."""

    def queued_tokens(self, server: int) -> int:
        """Prompt tokens of the requests that wait in it."""

    def kv_used(self, server: int) -> float:
        """The share of its KV cache that requests hold, from 0 to 1."""

    def cached_tokens(self, server: int) -> int:
        """How much of its prompt the request would find in the prefix cache [tokens]."""

    def least_outstanding(self) -> int | None:
        """The ready server with the fewest outstanding requests by its weight, as ``least_outstanding`` chooses."""

    def least_kv(self) -> int | None:
        """The ready server with the smallest share of its KV cache in use or asked for, as ``least_kv`` chooses."""

    def least_to_do(self) -> int | None:
        """The ready server with the fewest tokens to compute with this request, as ``prefix_aware`` chooses."""

@final
class Table:
    """A table that whatever reads Arrow reads where it lies."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __len__(self) -> int: ...
    def columns(self) -> list[str]:
        """The names of its columns."""

    def units(self) -> list[tuple[str, str | None]]:
        """What the numbers of each column count, where that is said."""

    def column(self, name: str) -> list[Any]:
        """A column as a list; ``None`` where nothing is known."""

    def row(self, row: int) -> dict[str, Any]:
        """A row as a dictionary."""

@final
class Answer:
    """What came of a question."""

    def json(self) -> str: ...
    def text(self) -> str: ...
    def warnings(self) -> list[str]: ...
    def is_met(self) -> bool | None: ...
    def page(self) -> str | None: ...
    def figures(self) -> list[str]: ...
    def figure(self, kind: str | None, is_png: bool) -> bytes: ...
    def requests(self) -> Table: ...
    def timeline(self, interval: str) -> Table: ...
    def explanation(self) -> str: ...
    def file(self, kind: str) -> str: ...

@final
class PlannedSweep:
    """A study."""

    def __new__(
        cls,
        file: _Path | None,
        text: str | None,
        base: Base | None,
        changes: dict[str, Any],
        seeds: int | None,
        range: bool,
    ) -> PlannedSweep: ...
    def write(self, out: _Path, shard: str | None, overwrite: bool, jobs: int | None) -> tuple[int, list[str]]: ...
    def lines(self, shard: str, jobs: int | None) -> str: ...
    def describe(self) -> tuple[str, int, list[str]]: ...

def run(base: Base, seeds: int | None, range: bool, jobs: int | None) -> Answer: ...
def compare(
    bases: list[Base],
    names: list[str],
    vary: list[str],
    seeds: int | None,
    capacity: bool,
    range: bool,
    jobs: int | None,
) -> Answer: ...
def curve(
    base: Base,
    concurrency: str | None,
    rate: str | None,
    measured: list[str],
    seeds: int | None,
    refine: int | None,
    range: bool,
    jobs: int | None,
) -> Answer: ...
def capacity(
    base: Base,
    of: str | None,
    load: dict[str, Any],
    seeds: int | None,
    changes: bool,
    range: bool,
    explain: bool,
    jobs: int | None,
) -> Answer: ...
def plan(base: Base, over: list[str], seeds: int | None, jobs: int | None) -> Answer: ...
def calibrate(base: Base, data: list[str], names: list[str] | None) -> Answer: ...
def validate(
    manifest: _Path, changes: dict[str, Any], seeds: int | None, fail_above: list[str], jobs: int | None
) -> Answer: ...
def merge(shards: list[str], out: _Path) -> int: ...
def parquet(lines: _Path, out: _Path) -> None: ...
def results(path: _Path) -> Table: ...
def models(words: list[str]) -> str: ...
def gpus(words: list[str]) -> str: ...
def schema() -> str: ...
def init(model: str | None, gpu: str | None) -> str: ...
def changes() -> list[tuple[str, str, str, str, str]]: ...
