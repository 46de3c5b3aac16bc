"""Every verb is the command's, number for number."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

import tailcast
from conftest import SHORT


def test_compare(cli_json, scenario):
    answer = scenario.compare({"batching.policy": ["none", "continuous"]}, seeds=2, capacity=False, range=True)
    flags = ("--vary", "batching.policy=none,continuous", "--seeds", 2, "--no-capacity", "--range")
    assert dict(answer) == cli_json("compare", *SHORT, *flags)
    answer = scenario.compare({"batching.max_num_seqs": [16, 64]}, capacity=False)
    flags = ("--vary", "batching.max_num_seqs=16,64", "--no-capacity")
    assert dict(answer) == cli_json("compare", *SHORT, *flags)


def test_scenarios_that_are_compared_have_the_names_that_they_are_given(scenario):
    both = {"small": scenario.with_(batching__max_num_seqs=8), "large": scenario}
    answer = tailcast.compare(both, seeds=2, capacity=False)
    assert [one["name"] for one in answer["variations"]] == ["small", "large"]
    with pytest.raises(tailcast.ConfigError, match="nothing to compare"):
        scenario.compare()


def test_curve(cli_json, cli, scenario):
    answer = scenario.curve(rate=[5, 10, 20], refine=0)
    assert dict(answer) == cli_json("curve", *SHORT, "--rate", "5,10,20", "--refine", 0)
    assert answer.to_csv() == cli("curve", *SHORT, "--rate", "5,10,20", "--refine", 0, "--format", "csv")
    answer = scenario.curve(concurrency="1..16", seeds=2)
    assert dict(answer) == cli_json("curve", *SHORT, "--concurrency", "1..16", "--seeds", 2)
    for wrong in ({}, {"rate": [1], "concurrency": [1]}, {"rate": [-1]}, {"concurrency": [1.5]}):
        with pytest.raises(tailcast.ConfigError):
            scenario.curve(**wrong)


def test_capacity(cli_json, scenario):
    # One request at a time has a capacity that is soon found.
    slow, flags = scenario.with_(batching__policy="none"), (*SHORT, "--set", "batching.policy=none")
    quick, flags_of_quick = {"seeds": 1, "changes": False, "range": False}, ("--seeds", 1, "--no-changes", "--no-range")
    assert dict(slow.capacity(seeds=2)) == cli_json("capacity", *flags, "--seeds", 2)
    assert dict(slow.capacity(rate=3, **quick)) == cli_json("capacity", *flags, "--rate", 3, *flags_of_quick)
    answer = slow.capacity(users=20, think="20s", **quick)
    assert dict(answer) == cli_json("capacity", *flags, "--users", 20, "--think", "20s", *flags_of_quick)
    for wrong in ({"rate": 1, "users": 2}, {"think": "1s"}, {"by_hour": True}, {"of": "load"}, {"users": 0}):
        with pytest.raises(tailcast.ConfigError):
            scenario.capacity(**wrong)


def test_plan(cli_json, scenario, tmp_path, cli):
    answer = scenario.plan(seeds=1)
    assert dict(answer) == cli_json("plan", *SHORT, "--seeds", 1)
    assert json.loads(answer.to_dashboard())
    with pytest.raises(tailcast.ConfigError):
        answer.to_kubernetes()


def test_calibrate_and_validate(cli_json, scenario, tmp_path):
    rows = tmp_path / "requests.csv"
    columns = ("arrival_s", "first_token_s", "finished_s", "input_tokens", "output_tokens")
    table = scenario.with_(workload__arrivals__rate=2.0).run().requests
    lines = zip(*(table.column(name) for name in columns), strict=True)
    rows.write_text("\n".join(",".join(map(str, line)) for line in [columns, *lines]) + "\n")
    text = tailcast.init().replace("rate = 8.0", "rate = 2.0")
    (tmp_path / "scenario.toml").write_text(text)
    measured = tailcast.Scenario.from_toml(tmp_path / "scenario.toml")
    answer = measured.calibrate(rows, coefficients=["kernel_scale"])
    flags = ("--coefficients", "kernel_scale")
    assert dict(answer) == cli_json("calibrate", tmp_path / "scenario.toml", rows, *flags)
    assert "kernel_scale" in answer.to_toml()
    with pytest.raises(tailcast.ConfigError, match="no coefficient"):
        measured.calibrate(rows, coefficients=["kernel"])

    manifest = tmp_path / "manifest.toml"
    manifest.write_text('[[experiment]]\nscenario = "scenario.toml"\n[experiment.measured]\nfile = "requests.csv"\n')
    answer = tailcast.validate(manifest, seeds=1, fail_above=["e2e.mean<0.001%"])
    assert dict(answer) == cli_json("validate", manifest, "--seeds", 1, "--fail-above", "e2e.mean<0.001%")
    assert answer.is_met is False


def test_catalogues_and_the_schema(cli_json, cli):
    assert tailcast.models() == cli_json("models")
    assert tailcast.models("llama", "70b") == cli_json("models", "llama", "70b")
    assert tailcast.gpus("h100-sxm") == cli_json("gpus", "h100-sxm")
    assert tailcast.schema() == json.loads(cli("schema"))
    assert tailcast.init("llama-3.1-8b", "l40s") == cli("init", "-", "--model", "llama-3.1-8b", "--gpu", "l40s")
    with pytest.raises(tailcast.ConfigError):
        tailcast.models("no such model")


def test_figures_are_pictures_and_pages_are_frames(scenario):
    run = scenario.run()
    assert run.figures
    for kind in run.figures:
        assert ElementTree.fromstring(run.figure(kind)).tag.endswith("svg")
    assert run.figure(format="png").startswith(b"\x89PNG")
    with pytest.raises(tailcast.ConfigError, match="did you mean `queue`"):
        run.figure("queu")
    with pytest.raises(ValueError, match="png"):
        run.figure(format="gif")
    assert run._repr_html_().startswith("<iframe srcdoc=") and "&lt;!doctype html" in run._repr_html_().lower()
    assert scenario.compare({"batching.max_num_seqs": [4, 8]}, seeds=2, capacity=False).figures
    assert scenario.curve(rate=[5, 10], refine=0)._repr_html_().startswith("<iframe")
