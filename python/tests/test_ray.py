"""A sweep on Ray is the single machine's, byte for byte, whatever happens to its workers."""

import os
import signal
import threading
import time

import pytest

import tailcast
from test_sweep import SCENARIO

ray = pytest.importorskip("ray")

STUDY = """
scenario = "scenario.toml"
seeds = 10
[[axis]]
key = "workload.arrivals.rate"
from = 1
to = 40
steps = 40
"""


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def study(tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


def workers():
    """The processes in which parts are made."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = open(f"/proc/{process}/cmdline").read()
        except OSError:
            continue
        if name.startswith("ray::_part"):
            found.append(int(process))
    return found


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_file_is_that_of_one_machine(study, tmp_path, form):
    from tailcast.ray import sweep

    here, there = tmp_path / f"here.{form}", tmp_path / f"there.{form}"
    single = tailcast.sweep(study, out=here)
    shared = sweep(study, out=there, runs_per_task=37)
    assert there.read_bytes() == here.read_bytes()
    assert shared.rows == single.rows
    assert sorted(path.name for path in tmp_path.iterdir()) == [here.name, "scenario.toml", "study.toml", there.name]
    with pytest.raises(tailcast.ConfigError, match="is there already"):
        sweep(study, out=there)


def test_a_worker_that_is_killed_costs_nothing_but_time(study, tmp_path):
    from tailcast.ray import sweep

    (tmp_path / "scenario.toml").write_text(SCENARIO.replace("requests = 60", "requests = 20000"))
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    tailcast.sweep(study, out=here)
    killed = []

    def kill():
        while not killed:
            time.sleep(0.02)
            for process in workers()[:1]:
                os.kill(process, signal.SIGKILL)
                killed.append(process)

    thread = threading.Thread(target=kill)
    thread.start()
    sweep(study, out=there, runs_per_task=40)
    thread.join()
    assert killed and there.read_bytes() == here.read_bytes()


def test_what_is_wrong_with_a_study_is_known_before_anything_starts(study, tmp_path):
    from tailcast.ray import sweep

    study.write_text(STUDY.replace("workload.arrivals.rate", "workload.arrivals.speed"))
    with pytest.raises(tailcast.ConfigError, match="speed"):
        sweep(study, out=tmp_path / "rows.csv")
    assert not (tmp_path / "rows.csv").exists()
