"""Answers: mappings of the command's JSON, with its text, its page and its figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from html import escape
from typing import Any

from tailcast import _native

__all__ = ["Answer", "Calibration", "Curve", "Plan", "Run", "Sweep"]


class Answer(Mapping[str, Any]):
    """What came of a question.

    As a mapping it is the JSON object that the command prints with ``--format json``, number for number: times in
    seconds, rates per second, memory in bytes, shares from 0 to 1. Printed it is the command's screen.
    """

    def __init__(self, native: _native.Answer) -> None:
        self._native = native

    @cached_property
    def json(self) -> str:
        """The JSON text, as the command prints it."""
        return self._native.json()

    @cached_property
    def _numbers(self) -> dict[str, Any]:
        numbers: dict[str, Any] = json.loads(self.json)
        return numbers

    def __getitem__(self, key: str) -> Any:
        return self._numbers[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<tailcast.{type(self).__name__}: {', '.join(self)}>"

    @cached_property
    def text(self) -> str:
        """What the command prints."""
        return self._native.text()

    @cached_property
    def warnings(self) -> list[str]:
        """What a reader must know, as the command warns."""
        return self._native.warnings()

    @property
    def is_met(self) -> bool | None:
        """Whether everything that was asked for was shown to hold (of a comparison or a curve, anywhere); ``None``
        where nothing is judged. The command's exit code is 99 if not."""
        return self._native.is_met()

    @cached_property
    def figures(self) -> list[str]:
        """The kinds of figures that there are. Those of a run need it to be simulated once more."""
        return self._native.figures()

    def figure(self, kind: str | None = None, format: str = "svg") -> bytes:
        """The figure of a kind, or the first: the bytes of an SVG or a PNG file."""
        if format not in ("svg", "png"):
            raise ValueError(f"format={format!r}: write 'svg' or 'png'")
        return self._native.figure(kind, format == "png")

    @cached_property
    def html(self) -> str | None:
        """The report with its figures as one page; ``None`` of what has none."""
        return self._native.page()

    def _repr_html_(self) -> str:
        page = self.html
        if page is None:
            return f"<pre>{escape(self.text)}</pre>"
        # A frame of its own, as the page brings its style and its charts.
        return (
            f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts" '
            'style="width: 100%; height: 40em; border: 1px solid #ccc"></iframe>'
        )


class Run(Answer):
    """What users of a server would see.

    Tables are read by whatever reads Arrow, such as ``polars.DataFrame(run.requests)``,
    ``pyarrow.table(run.requests)`` or ``pandas.DataFrame.from_arrow(run.requests)``. They are those of the first run,
    which is simulated once more for them.
    """

    @cached_property
    def requests(self) -> _native.Table:
        """A row a request, in the order of arrival, with the columns of ``--requests-out``; times in seconds since the
        start."""
        return self._native.requests()

    @cached_property
    def timeline(self) -> _native.Table:
        """The state every second, with the columns of ``--timeline-out``: requests that wait and run, and the share of
        KV blocks in use."""
        return self.timeline_every("1s")

    def timeline_every(self, interval: str) -> _native.Table:
        """The state every ``interval``, such as ``"100ms"``; from ``"100us"`` on."""
        return self._native.timeline(interval)

    @property
    def explanation(self) -> str:
        """What ``--explain`` prints: what the formula of users forgets, the memory of the GPU, and every setting with
        its origin."""
        return self._native.explanation()


class Curve(Answer):
    """Latency and throughput against the load."""

    def to_csv(self) -> str:
        """A line a load, with every number."""
        return self._native.file("csv")


class Plan(Answer):
    """What production asks of a scenario."""

    def to_kubernetes(self) -> str:
        """Kubernetes objects of the cheapest fleet (YAML), if ``over`` asked for one."""
        return self._native.file("kubernetes")

    def to_dashboard(self) -> str:
        """A dashboard that Grafana imports (JSON)."""
        return self._native.file("dashboard")

    def to_alerts(self) -> str:
        """Alert rules (YAML) with thresholds from simulated healthy hours."""
        return self._native.file("alerts")


class Calibration(Answer):
    """Coefficients of step times and of the front end, fitted to measurements."""

    def to_toml(self) -> str:
        """The coefficients as a file for ``server.step_time``."""
        return self._native.file("toml")


class Sweep:
    """The results of a sweep: a row a run, as in its file.

    Whatever reads Arrow reads it, such as ``polars.DataFrame(sweep)``. Columns are ``plan``, ``runs``, ``run``,
    ``point``, ``seed``, the keys that vary, and numbers under their names in the JSON of a run; units are the same.
    """

    def __init__(self, table: _native.Table, warnings: list[str]) -> None:
        self.table = table
        self.warnings = warnings

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return self.table.columns()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every run as a dictionary."""
        return [self.table.row(row) for row in range(len(self.table))]

    def __getitem__(self, column: str) -> list[Any]:
        return self.table.column(column)

    def __len__(self) -> int:
        return len(self.table)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<tailcast.Sweep: {len(self)} runs, {len(self.columns)} columns>"
