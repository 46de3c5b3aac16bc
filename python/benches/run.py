"""What a run costs beside the command: CPU seconds of 1,000,000 requests, medians of nine, one after the other.

Build both with one profile: ``cargo build --release``, ``pip install ./python``, then ``python python/benches/run.py``.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import tailcast

COMMAND = Path(__file__).resolve().parents[2] / "target" / "release" / "tailcast"
SET = {"workload.requests": 1_000_000, "workload.arrivals.rate": 20}


def of_python() -> float:
    began = time.process_time()
    tailcast.Scenario.demo().with_(SET).run()["latency"]
    return time.process_time() - began


def of_command() -> float:
    flags = [word for key, value in SET.items() for word in ("--set", f"{key}={value}")]
    process = subprocess.Popen([COMMAND, "run", *flags, "--format", "json", "--quiet"], stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


pairs = [(of_command(), of_python()) for _ in range(9)]
command, python = (statistics.median(column) for column in zip(*pairs, strict=True))
print(f"command {command:.3f} s, Python {python:.3f} s: {100 * (python / command - 1):+.1f} %")
sys.exit(0 if python <= 1.03 * command else 1)
