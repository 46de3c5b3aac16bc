"""Tables are what the command writes, and Arrow's readers take them where they lie."""

import csv
import io

import pytest

import tailcast

pyarrow = pytest.importorskip("pyarrow")

FLEET = {"fleet": {"servers": 3}}


def as_written(text):
    rows = list(csv.DictReader(io.StringIO(text)))
    return [{name: cell or None for name, cell in row.items()} for row in rows]


def assert_same(table, text):
    expected = as_written(text)
    assert table.columns() == list(expected[0]) and len(table) == len(expected)
    for row, wanted in zip(pyarrow.table(table).to_pylist(), expected, strict=True):
        for name, cell in row.items():
            if isinstance(cell, float):
                assert cell == pytest.approx(float(wanted[name]), rel=1e-12, abs=5e-7), name
            else:
                assert (None if cell is None else str(cell)) == wanted[name], name


@pytest.mark.parametrize("fleet", [{}, FLEET], ids=["server", "fleet"])
def test_requests_and_timelines_are_those_of_the_commands_files(cli, scenario, tmp_path, fleet):
    run = scenario.with_(workload__arrivals__rate=40, **fleet).run()
    requests, timeline = tmp_path / "requests.csv", tmp_path / "timeline.csv"
    flags = ["--set", "workload.requests=300", "--rate", "40"]
    flags += ["--set", "fleet.servers=3"] if fleet else []
    cli("run", *flags, "--requests-out", requests, "--timeline-out", timeline, "--timeline-interval", "500ms")
    assert_same(run.requests, requests.read_text())
    assert_same(run.timeline_every("500ms"), timeline.read_text())


def test_requests_of_classes_say_which(scenario):
    lengths = {"dist": "fixed", "value": 100}
    workload = {"requests": 20, "arrivals": {"process": "poisson", "rate": 2.0}, "prompt": lengths, "output": lengths}
    classes = [{"name": name, "workload": workload} for name in ("chat", "batch")]
    deployment = {"model": {"name": "llama-3.1-8b"}, "server": {"gpu": "h100-sxm"}}
    run = tailcast.Scenario.from_dict(deployment).with_(class_=classes).run()
    assert sorted(run.requests.column("class")) == ["batch"] * 20 + ["chat"] * 20


def test_readers_share_the_memory(scenario):
    table = scenario.run().requests
    first, again = pyarrow.table(table), pyarrow.table(table)
    address = first.column("arrival_s").chunk(0).buffers()[1].address
    assert address == again.column("arrival_s").chunk(0).buffers()[1].address
    del table, again
    assert first.column("arrival_s")[0].as_py() > 0


def test_polars_and_pandas_read_tables(scenario):
    table = scenario.run().requests
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(table)["outcome"].cast(polars.String).to_list() == ["finished"] * 300
    pandas = pytest.importorskip("pandas")
    if hasattr(pandas.DataFrame, "from_arrow"):
        assert len(pandas.DataFrame.from_arrow(table)) == 300


def test_numbers_say_what_they_count(scenario):
    units = dict(scenario.run().requests.units())
    assert units["arrival_s"] == "s" and units["output_tokens"] == "tokens" and units["id"] is None


def test_what_a_table_has_not_is_an_error(scenario):
    table = scenario.run().timeline
    with pytest.raises(KeyError):
        table.column("nothing")
    with pytest.raises(IndexError):
        table.row(len(table))
    with pytest.raises(tailcast.ConfigError, match="interval"):
        scenario.run().timeline_every("1")


def test_requests_of_several_runs_are_those_of_the_first(scenario):
    assert pyarrow.table(scenario.run(seeds=3).requests) == pyarrow.table(scenario.run().requests)
