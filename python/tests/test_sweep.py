"""A sweep's rows are the shell's, byte for byte."""

import os
import signal
import subprocess
import sys
import time

import pytest

import tailcast

SCENARIO = 'model.name = "llama-3.1-8b"\nserver.gpu = "h100-sxm"\nworkload.requests = 60\n' + (
    'workload.arrivals = { process = "poisson", rate = 8.0 }\n'
    'workload.prompt = { dist = "fixed", value = 300 }\nworkload.output = { dist = "fixed", value = 40 }\n'
)
STUDY = """
scenario = "scenario.toml"
seeds = 2
metrics = ["ttft.p99", "throughput.output_tokens_per_s"]
[[axis]]
key = "workload.arrivals.rate"
values = [4, 8.5]
[[axis]]
key = "batching.policy"
values = ["none", "continuous"]
[[axis]]
keys = ["batching.max_num_seqs", "server.block_size"]
values = [[8, 16], [64, 32]]
"""
AXES = {
    "workload.arrivals.rate": [4, 8.5],
    "batching.policy": ["none", "continuous"],
    ("batching.max_num_seqs", "server.block_size"): [[8, 16], [64, 32]],
}
METRICS = ["ttft.p99", "throughput.output_tokens_per_s"]


@pytest.fixture
def study(tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_are_the_shells(cli, study, tmp_path, form):
    shell, file, memory = (tmp_path / f"{name}.{form}" for name in ("shell", "file", "memory"))
    cli("sweep", study, "--out", shell)
    of_file = tailcast.sweep(study, out=file)
    of_memory = tailcast.Scenario.from_toml(SCENARIO).sweep(AXES, seeds=2, metrics=METRICS, out=memory)
    assert file.read_bytes() == memory.read_bytes() == shell.read_bytes()
    assert of_file.rows == of_memory.rows == tailcast.sweep(study).rows
    assert len(of_file) == 16 and of_file["batching.max_num_seqs"][:4] == [8, 8, 64, 64]
    assert of_file["workload.arrivals.rate"][0] == 4 and of_file["batching.policy"][-1] == "continuous"


def test_a_row_is_the_run_that_it_names(study):
    row = tailcast.sweep(study).rows[5]
    scenario = tailcast.Scenario.from_toml(SCENARIO).with_(
        {key: row[key] for key in ("workload.arrivals.rate", "batching.max_num_seqs", "server.block_size")},
        batching__policy=row["batching.policy"],
        seed=row["seed"],
    )
    assert row["ttft.p99"] == scenario.run()["latency"]["ttft"]["p99"]


def test_ranges_are_those_of_studies():
    scenario = tailcast.Scenario.from_toml(SCENARIO)
    rates = {"workload.arrivals.rate": {"from": 1, "to": 9, "steps": 5}}
    assert scenario.sweep(rates)["workload.arrivals.rate"] == [1, 3, 5, 7, 9]
    assert scenario.sweep({"batching.max_num_seqs": "1..8"})["batching.max_num_seqs"] == [1, 2, 4, 8]


def test_parquet_holds_the_same_rows(study, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    sweep = tailcast.sweep(study, out=tmp_path / "rows.parquet")
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column("ttft.p99").to_pylist() == sweep["ttft.p99"]
    assert sorted(path.name for path in tmp_path.glob("rows*")) == ["rows.parquet"]
    with pytest.raises(tailcast.ConfigError, match="is there already"):
        tailcast.sweep(study, out=tmp_path / "rows.parquet")


def test_shards_merge_to_the_whole(study, tmp_path):
    parts = [tmp_path / f"part{number}.csv" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        tailcast.sweep(study, out=part, shard=f"{number}/3")
    assert tailcast.merge(parts, tmp_path / "merged.csv") == 16
    tailcast.sweep(study, out=tmp_path / "whole.csv")
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    with pytest.raises(tailcast.ConfigError, match="missing"):
        tailcast.merge(parts[:2], tmp_path / "less.csv")
    assert not (tmp_path / "less.csv").exists()


def test_wrong_studies_are_errors(study, tmp_path):
    scenario = tailcast.Scenario.from_toml(SCENARIO)
    for axes in ({}, {"batching.max_num_seq": [1, 2]}, {"seed": [1, 2]}, {"batching.max_num_seqs": [1, 1]}):
        with pytest.raises(tailcast.ConfigError):
            scenario.sweep(axes)
    for wrong in ({"shard": "3/2"}, {"out": tmp_path / "rows.txt"}, {"seeds": 0}, {"out": study}):
        with pytest.raises(tailcast.ConfigError):
            tailcast.sweep(study, **wrong)
    assert study.read_text() == STUDY


def test_an_interrupted_sweep_goes_on(study, tmp_path):
    out = tmp_path / "rows.csv"
    (tmp_path / "scenario.toml").write_text(SCENARIO.replace("= 60", "= 200000"))
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heeds}; import tailcast; tailcast.sweep({str(study)!r}, out={str(out)!r}, jobs=1)"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    partial = tmp_path / "rows.csv.partial"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (partial.exists() and partial.read_text().count("\n") > 2):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert partial.exists() and not out.exists()
    done = partial.read_text()
    tailcast.sweep(study, out=out)
    assert out.read_text().startswith(done)
