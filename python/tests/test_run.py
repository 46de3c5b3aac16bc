"""A run is the command's, number for number, and what is wrong is told in its words."""

import datetime
import json
import os
import pathlib
import signal
import threading
import time

import pytest

import tailcast
from conftest import ROOT

SCENARIO = """
model.name = "llama-3.1-8b"
server.gpu = "h100-sxm"
workload.requests = 200
workload.arrivals = { process = "poisson", rate = 8.0 }
workload.prompt = { dist = "lognormal", median = 512, sigma = 0.8, max = 8000 }
workload.output = { dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }
"""


def test_a_run_is_the_commands_number_for_number(cli_json):
    assert dict(tailcast.Scenario.demo().run()) == cli_json("run")
    assert dict(tailcast.Scenario.demo().run(seeds=3, jobs=2)) == cli_json("run", "--seeds", 3)
    assert dict(tailcast.Scenario.demo().run(range=True)) == cli_json("run", "--range")


def test_every_scenario_of_the_examples_draws_what_the_command_draws(cli_json):
    # Random draws may depend on features of other crates, which this package has more of.
    for path in sorted((ROOT / "configs" / "scenarios").glob("*.toml")):
        try:
            run = tailcast.Scenario.from_toml(path).with_(workload__requests=200).run()
        except tailcast.ConfigError:
            # Traces and classes say elsewhere how many requests there are.
            continue
        assert dict(run) == cli_json("run", path, "--set", "workload.requests=200"), path


def test_all_distributions_draw_what_the_command_draws(cli_json, tmp_path):
    lengths = [
        {"dist": "fixed", "value": 300},
        {"dist": "uniform", "min": 10, "max": 900},
        {"dist": "lognormal", "median": 300, "sigma": 0.9, "max": 4000},
        {"dist": "gamma", "mean": 300, "cv": 0.7, "max": 4000},
        {"dist": "zipf", "exponent": 1.2, "max": 2000},
    ]
    arrivals = [{"process": "poisson", "rate": 9}, {"process": "gamma", "rate": 9, "cv": 2.5}]
    scenario = tailcast.Scenario.from_toml(SCENARIO)
    text = tmp_path / "scenario.toml"
    text.write_text(SCENARIO)
    tried = 0
    for length in lengths:
        for arrival in arrivals:
            changed = scenario.with_(workload={"prompt": length, "arrivals": arrival})
            try:
                run = changed.run()
            except tailcast.ConfigError:
                continue
            tried += 1
            table = "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in length.items()) + " }"
            process = "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in arrival.items()) + " }"
            flags = ("--set", f"workload.prompt={table}", "--set", f"workload.arrivals={process}")
            assert dict(run) == cli_json("run", text, *flags)
    assert tried >= 6


def test_the_screen_is_the_commands(cli, scenario):
    def without_wall(text):
        return [line for line in text.splitlines() if " s wall" not in line]

    assert without_wall(scenario.run().text) == without_wall(cli("run", "--set", "workload.requests=300"))


def test_a_scenario_is_a_file_a_text_or_a_dictionary(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO)
    tables = {
        "model": {"name": "llama-3.1-8b"},
        "server": {"gpu": "h100-sxm"},
        "workload": {
            "requests": 200,
            "arrivals": {"process": "poisson", "rate": 8.0},
            "prompt": {"dist": "lognormal", "median": 512, "sigma": 0.8, "max": 8000},
            "output": {"dist": "lognormal", "median": 200, "sigma": 0.6, "max": 2000},
        },
    }
    each = [
        tailcast.Scenario.from_toml(path),
        tailcast.Scenario.from_toml(str(path)),
        tailcast.Scenario.from_toml(SCENARIO),
        tailcast.Scenario.from_dict(tables),
    ]
    assert len({scenario.hash for scenario in each}) == 1
    assert len({scenario.run().json for scenario in each}) == 1


def test_paths_in_a_file_start_from_its_folder(tmp_path, monkeypatch):
    (tmp_path / "trace.csv").write_text("arrival_s,input_tokens,output_tokens\n0,10,5\n1,10,5\n")
    text = 'model.name = "llama-3.1-8b"\nserver.gpu = "h100-sxm"\nworkload.trace = { path = "trace.csv" }\n'
    (tmp_path / "scenario.toml").write_text(text)
    assert tailcast.Scenario.from_toml(tmp_path / "scenario.toml").run()["requests"]["finished"] == 2
    monkeypatch.chdir(tmp_path)
    assert tailcast.Scenario.from_toml(text).run()["requests"]["finished"] == 2


def test_changes_are_dotted_keys_keywords_or_tables(scenario):
    ways = [
        scenario.with_({"batching.max_num_seqs": 8}),
        scenario.with_(batching__max_num_seqs=8),
        scenario.with_(batching={"max_num_seqs": 8}),
        scenario.with_({"batching.max_num_seqs": 4}, batching__max_num_seqs=8),
        scenario.with_({"batching.max_num_seqs": 4}).with_({"batching.max-num-seqs": 8}),
    ]
    assert len({way.run().json for way in ways}) == 1
    assert ways[0].hash != scenario.hash


def test_values_are_what_python_has(scenario):
    objectives = scenario.with_({"slo": {}}, slo={"ttft.p99": datetime.timedelta(seconds=1.5), "success": "99%"})
    assert [slo["limit_s"] or slo["limit"] for slo in objectives.run()["slo"]] == [1.5, 0.99]
    numpy = pytest.importorskip("numpy")
    changed = scenario.with_(batching__max_num_seqs=numpy.int64(8), server__gpu_memory_utilization=numpy.float32(0.5))
    assert changed.run()["requests"]["finished"] == 300
    assert scenario.with_(batching__prefix_caching=numpy.bool_(False)).run()["requests"]["finished"] == 300
    assert scenario.with_(seed=7).seed == 7


def test_errors_are_those_of_the_command_by_exit_code(cli, scenario):
    with pytest.raises(tailcast.ConfigError, match="did you mean `max_num_seqs`") as wrong:
        scenario.with_(batching__max_num_seq=4).run()
    assert wrong.value.exit_code == 2 and isinstance(wrong.value, ValueError)
    with pytest.raises(tailcast.InfeasibleError) as small:
        scenario.with_(model__name="llama-3.1-70b").run()
    assert small.value.exit_code == 3
    said = cli("run", "--set", "model.name=llama-3.1-70b", code=3)
    assert said == f"error: {small.value}\n"
    said = cli("run", "no-such.toml", code=2)
    with pytest.raises(tailcast.ConfigError) as missing:
        tailcast.Scenario.from_toml(pathlib.Path("no-such.toml")).run()
    assert said == f"error: {missing.value}\n"


@pytest.mark.parametrize(
    "value", [None, object(), 2**70, {1: 2}, float("nan"), "\x1b[31m", [[]], -1, "", {"a": {}}], ids=repr
)
def test_no_value_of_a_key_is_more_than_an_error(scenario, value):
    with pytest.raises(tailcast.ConfigError) as wrong:
        scenario.with_({"batching.max_num_seqs": value}).run()
    assert "\x1b" not in str(wrong.value)


def test_a_dictionary_that_holds_itself_is_an_error(scenario):
    endless = {}
    endless["a"] = endless
    with pytest.raises(tailcast.ConfigError, match="levels"):
        scenario.with_({"model": endless})


@pytest.mark.parametrize(("name", "number"), [("seeds", 0), ("seeds", -1), ("seeds", 10**9), ("jobs", 0)])
def test_numbers_of_runs_and_threads_are_those_that_the_command_takes(scenario, name, number):
    with pytest.raises(tailcast.ConfigError, match=name):
        scenario.run(**{name: number})


LONG = tailcast.Scenario.demo().with_(workload__requests=50_000_000)


def test_ctrl_c_stops_a_run_at_once():
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        LONG.run()
    assert time.monotonic() - began < 3


def test_other_threads_go_on_while_a_run_is_made():
    counted = 0
    done = threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    began = time.monotonic()
    tailcast.Scenario.demo().with_(workload__requests=300_000).run()
    lasted = time.monotonic() - began
    done.set()
    thread.join()
    assert counted > 50 * lasted


def test_runs_of_several_threads_are_those_of_one(scenario):
    found = []
    threads = [threading.Thread(target=lambda: found.append(scenario.run().json)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {scenario.run().json}


def test_warnings_are_the_commands(scenario):
    assert scenario.run().warnings == scenario.check() == []
    idle = scenario.with_(batching__policy="static", batching__watermark=0.1)
    assert idle.run().warnings
