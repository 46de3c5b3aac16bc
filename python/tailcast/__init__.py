"""Forecast the latency tail of an LLM inference server before you rent the GPUs.

>>> import tailcast
>>> run = tailcast.Scenario.demo().with_(batching__max_num_seqs=64).run(seeds=4)
>>> run["latency"]["ttft"]["p99"]  # seconds  # doctest: +SKIP
1.68

A scenario is what is simulated; its methods ask what the verbs of the command ask. Answers are mappings of the JSON
that the command prints: times in seconds, rates per second, memory in bytes, shares from 0 to 1.
"""

from tailcast._native import Request, Servers, Table, __version__
from tailcast.catalogue import gpus, init, models, schema
from tailcast.errors import ConfigError, Error, InfeasibleError, Interrupted, MachineError
from tailcast.results import Answer, Calibration, Curve, Plan, Run, Sweep
from tailcast.scenario import Scenario
from tailcast.studies import compare, merge, sweep, validate

__all__ = [
    "Answer",
    "Calibration",
    "ConfigError",
    "Curve",
    "Error",
    "InfeasibleError",
    "Interrupted",
    "MachineError",
    "Plan",
    "Request",
    "Run",
    "Scenario",
    "Servers",
    "Sweep",
    "Table",
    "__version__",
    "compare",
    "gpus",
    "init",
    "merge",
    "models",
    "schema",
    "sweep",
    "validate",
]
