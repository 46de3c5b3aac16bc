"""Routers and arrival processes that are Python code."""

import functools
import random

import pytest

import tailcast


@pytest.fixture
def fleet(scenario):
    return scenario.with_(fleet__servers=3, workload__arrivals__rate=60)


def least(_, servers):
    return servers.least_outstanding()


class RoundRobin:
    def __init__(self, seed):
        self.asked = 0

    def __call__(self, request, servers):
        ready = servers.ready()
        chosen = ready[self.asked % len(ready)]
        self.asked += 1
        return chosen


def of_code(run):
    """What a run found, without what names the code."""
    fleet = {key: value for key, value in run["fleet"].items() if key != "router"}
    return run["latency"], run["queue"], run["requests"], fleet


def test_a_router_in_python_does_what_its_like_of_the_list_does(fleet):
    for listed, router in [
        ("least_outstanding", {"router": least}),
        ("round_robin", {"make": RoundRobin}),
        ("least_kv", {"router": lambda _, servers: servers.least_kv()}),
        ("prefix_aware", {"router": lambda _, servers: servers.least_to_do()}),
    ]:
        expected = fleet.with_(fleet__router=listed).run(seeds=2)
        for jobs in (1, 2):
            found = fleet.with_router(**router).run(seeds=2, jobs=jobs)
            assert of_code(found) == of_code(expected), listed


def test_a_router_may_let_requests_wait(fleet):
    def central_queue(_, servers):
        fewest = servers.least_outstanding()
        return fewest if fewest is not None and servers.outstanding(fewest) < servers.places(fewest) else None

    few = fleet.with_(batching__max_num_seqs=4)
    expected = few.with_(fleet__router="central_queue").run()
    assert of_code(few.with_router(central_queue).run()) == of_code(expected)
    assert expected["queue"]["depth"]["max"] > 0


def test_a_router_sees_the_request_and_the_servers(fleet):
    seen = []

    def router(request, servers):
        ready = servers.ready()
        seen.append((request.number, request.arrival, request.prompt_tokens, request.max_tokens))
        assert ready == [0, 1, 2]
        assert (request.class_number, request.priority, request.turn) == (0, 0, 1)
        for server in ready:
            assert servers.places(server) == 256 and servers.weight(server) == 1.0
            assert servers.outstanding(server) == servers.running(server) + servers.waiting(server)
            assert 0 <= servers.kv_used(server) <= 1 and servers.queued_tokens(server) >= 0
            assert servers.cached_tokens(server) == 0
        with pytest.raises(tailcast.ConfigError, match="server 9 is not ready"):
            servers.outstanding(9)
        kept.append(servers)
        return ready[request.number % 3]

    kept = []
    run = fleet.with_router(router).run()
    rows = [run.requests.row(row) for row in range(len(run.requests))]
    # Requests are simulated once more for the table.
    assert len(seen) == 600 and seen[:300] == seen[300:]
    assert [number for number, *_ in seen[:300]] == list(range(300))
    prompts = {row["id"]: row["input_tokens"] for row in rows}
    assert all(prompts[number] == tokens for number, _, tokens, _ in seen)
    with pytest.raises(RuntimeError, match="only while the router is asked"):
        kept[0].ready()


def test_what_a_router_raises_comes_out_as_it_is(fleet):
    class OwnError(Exception):
        pass

    def fails(request, servers):
        if request.number == 100:
            raise OwnError("of my own")
        return servers.least_outstanding()

    for ask in (
        lambda it: it.run(),
        lambda it: it.run(seeds=4, jobs=2),
        lambda it: it.compare({"batching.max_num_seqs": [8, 16]}, seeds=2, capacity=False),
        lambda it: it.curve(rate=[1, 2]),
        lambda it: it.sweep({"workload.arrivals.rate": [1, 2]}),
    ):
        with pytest.raises(OwnError, match="of my own") as raised:
            ask(fleet.with_router(fails))
        assert raised.traceback[-1].name == "fails"
    # Nothing stays behind.
    assert fleet.run()["requests"]["finished"] == 300


def test_wrong_choices_are_refused(fleet):
    for chosen in (3, -1, "1", 1.5, [0]):
        with pytest.raises(tailcast.ConfigError, match=r"chose .* for request 0\n.*0, 1, 2"):
            fleet.with_router(lambda request, servers, chosen=chosen: chosen).run()
    with pytest.raises(tailcast.ConfigError, match="keeps 300 requests for ever"):
        fleet.with_router(lambda request, servers: None).run()
    for wrong in ({}, {"router": least, "make": RoundRobin}, {"router": 7}):
        with pytest.raises(tailcast.ConfigError, match="with_router"):
            fleet.with_router(**wrong)
    with pytest.raises(tailcast.ConfigError, match="with_arrivals"):
        fleet.with_arrivals(8)


def test_results_name_the_code(fleet):
    named = fleet.with_router(least)
    router = named.run()["fleet"]["router"]
    assert router.startswith("least#")
    setting = next(setting for setting in named.settings if setting["key"] == "fleet.router")
    assert setting["value"] == router and not setting["is_default"]

    def names(*codes):
        return {fleet.with_router(code).hash for code in codes}

    assert len(names(least, least)) == 1
    assert len(names(lambda _, servers: 0, lambda _, servers: 1, lambda _, servers: None)) == 3
    assert len(names(functools.partial(least), least, RoundRobin(0))) == 3
    assert fleet.with_router(least, name="mine").run()["fleet"]["router"] == "mine"
    assert named.hash != fleet.hash


def test_one_server_needs_no_router(scenario):
    alone = scenario.with_router(least)
    assert any("one server to choose from" in warning for warning in alone.check())
    assert alone.run()["latency"] == scenario.run()["latency"]


def test_servers_are_found_behind_the_router(fleet):
    asked = fleet.with_(slo={"ttft.p99": "2s"}, fleet__servers=1)
    found = asked.with_router(least).capacity(rate=60, changes=False, range=False)
    expected = asked.capacity(rate=60, changes=False, range=False)
    assert found["servers"]["fewest"] == expected["servers"]["fewest"]
    assert found["servers"]["router"].startswith("least#")


def constant(rate, seed):
    yield 0.0
    while True:
        yield 1 / rate


def poisson(rate, seed):
    draw = random.Random(seed)
    while True:
        yield draw.expovariate(rate)


def test_arrivals_in_python_are_those_of_the_like_process(scenario):
    scenario = scenario.with_(workload__requests=2_000)
    expected = scenario.with_({"workload.arrivals": {"process": "constant", "rate": 8}})
    found = scenario.with_(workload__arrivals__rate=8).with_arrivals(constant)
    # A process that is not known to go on alike has no start that could be left out.
    expected, found = expected.with_(workload__warm_up="none").run(), found.with_(workload__warm_up="none").run()
    assert found["latency"] == expected["latency"]
    assert not found.warnings


def test_arrivals_follow_the_load_and_the_seed(scenario):
    found = scenario.with_(workload__requests=1_000).with_arrivals(poisson)
    runs = [found.with_(seed=seed).run()["latency"]["ttft"]["mean"] for seed in (1, 2, 1)]
    assert runs[0] == runs[2] != runs[1]
    curve = found.curve(rate=[2, 20], refine=0)
    offered = [point["throughput"]["requests_per_s"] for point in curve["points"]]
    assert offered[0] == pytest.approx(2, rel=0.2) and offered[1] == pytest.approx(20, rel=0.2)
    assert not curve.warnings


def test_arrivals_that_miss_their_rate_are_told(scenario):
    def ignores(rate, seed):
        while True:
            yield 1.0

    run = scenario.with_(workload__arrivals__rate=8).with_arrivals(ignores).run()
    assert any("came at 1 a second and were asked for 8" in warning for warning in run.warnings)


def test_arrivals_end_with_their_iterator_and_by_the_clock(scenario):
    ten = scenario.with_arrivals(lambda rate, seed: iter([1 / rate] * 10))
    assert ten.run()["requests"]["finished"] == 10
    timed = scenario.with_({"workload.requests": 100_000, "workload.duration": "10s", "workload.arrivals.rate": 8})
    assert timed.with_arrivals(constant).run()["requests"]["finished"] == 80


def test_wrong_gaps_are_refused(scenario):
    for gap in (-1.0, float("nan"), float("inf"), "1", None):
        with pytest.raises(tailcast.ConfigError, match="gap 3 of the arrivals"):
            scenario.with_arrivals(lambda rate, seed, gap=gap: iter([1.0, 1.0, gap])).run()
    with pytest.raises(TypeError, match="not iterable"):
        scenario.with_arrivals(lambda rate, seed: None).run()

    def fails(rate, seed):
        yield from [1.0] * 20
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        scenario.with_arrivals(fails).run()
    # What lies beyond the last request is nobody's business.
    assert scenario.with_(workload__requests=20).with_arrivals(fails).run()["requests"]["finished"] == 20


def test_arrivals_need_a_rate_and_a_class(scenario):
    closed = scenario.with_({"workload.arrivals": {"process": "closed", "concurrency": 4}})
    with pytest.raises(tailcast.ConfigError, match="need a mean rate"):
        closed.with_arrivals(poisson).check()
    with pytest.raises(tailcast.ConfigError, match="no \\[\\[class\\]\\]"):
        scenario.with_arrivals(poisson, of="chat").check()
    lengths = {"prompt": {"dist": "fixed", "value": 100}, "output": {"dist": "fixed", "value": 10}}
    arrivals = {"process": "gamma", "rate": 4, "cv": 2}
    classes = [{"name": name, "workload": {**lengths, "arrivals": arrivals}} for name in ("chat", "code")]
    both = tailcast.Scenario.from_dict(
        {
            "model": {"name": "llama-3.1-8b"},
            "server": {"gpu": "h100-sxm"},
            "workload": {"requests": 200},
            "class": classes,
        }
    )
    with pytest.raises(tailcast.ConfigError, match="name one of chat, code"):
        both.with_arrivals(poisson).check()
    one = both.with_arrivals(poisson, of="code")
    keys = {setting["key"]: setting["value"] for setting in one.settings}
    assert keys["class[0].workload.arrivals.process"] == "gamma" and "class[0].workload.arrivals.cv" in keys
    assert keys["class[1].workload.arrivals.process"].startswith("poisson#")
    assert "class[1].workload.arrivals.cv" not in keys
    assert one.run()["requests"]["finished"] == 200


def test_code_is_carried_through_changes(fleet):
    routed = fleet.with_router(least).with_arrivals(poisson)
    changed = routed.with_(batching__max_num_seqs=64)
    assert changed.run()["fleet"]["router"].startswith("least#")
    both = tailcast.compare({"listed": fleet, "own": fleet.with_router(RoundRobin(0))}, seeds=2, capacity=False)
    assert [it["name"] for it in both["variations"]] == ["listed", "own"]
