//! The figures and the page of a run.

use std::fs;

use crate::command::Workplace;

const SMALL: [&str; 3] = ["run", "--set", "workload.requests=2500"];

fn run(place: &Workplace, more: &[&str]) -> crate::command::Ended {
    let mut arguments = SMALL.to_vec();
    arguments.extend(more);
    place.run(&arguments)
}

#[test]
fn a_run_is_drawn_over_time_and_over_its_requests() {
    let place = Workplace::new();
    let ended = run(
        &place,
        &[
            "--figure",
            "queue.svg",
            "--figure",
            "memory=memory.svg",
            "--figure",
            "tail=tail.png",
            "--html",
            "run.html",
        ],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for (file, question) in [
        ("queue.svg", "How many requests wait, and when?"),
        ("memory.svg", "does their memory suffice?"),
    ] {
        let svg = fs::read_to_string(place.path(file)).unwrap();
        assert!(svg.contains(question), "{file}");
    }
    assert!(fs::read(place.path("tail.png")).unwrap().starts_with(b"\x89PNG"));
    let page = fs::read_to_string(place.path("run.html")).unwrap();
    for part in [
        "ok: all SLOs met",
        "queue_wait",
        "seed 42",
        "tailcast run",
        "server.max_model_len = 16384",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Without them the same is printed: what figures need is simulated apart.
    let plain = run(&place, &[]);
    let without_time = |text: &str| {
        text.lines()
            .filter(|line| !line.contains("wall"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(without_time(&plain.stdout), without_time(&ended.stdout));
}

#[test]
fn what_keeps_requests_waiting_is_drawn_by_its_name() {
    let place = Workplace::new();
    let overload = ["--set", "workload.arrivals.rate=60", "--figure", "limits=limits.svg"];
    for (setting, limit) in [
        ("server.kv_blocks=2000", "room in the KV cache"),
        ("batching.max_num_seqs=4", "a free place among the running"),
    ] {
        let ended = run(&place, &[&overload[..], &["--set", setting]].concat());
        assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
        let svg = fs::read_to_string(place.path("limits.svg")).unwrap();
        assert!(svg.contains("What keeps requests waiting, and when?") && svg.contains(limit));
    }
}

#[test]
fn classes_servers_and_their_failures_are_drawn_over_time() {
    let place = Workplace::new();
    place.write(
        "fleet.toml",
        r#"
        [model]
        name = "llama-3.1-8b"
        [server]
        gpu = "h100-sxm"
        [fleet]
        servers = 2
        router = "round_robin"
        [[fleet.fault]]
        kind = "crash"
        server = 1
        at = "10s"
        restart = "12s"
        detect = "1s"
        [[class]]
        name = "chat"
        [class.workload]
        arrivals = { process = "poisson", rate = 20.0 }
        prompt = { dist = "fixed", value = 500 }
        output = { dist = "fixed", value = 100 }
        [[class]]
        name = "batch"
        [class.workload]
        arrivals = { process = "poisson", rate = 20.0 }
        prompt = { dist = "fixed", value = 500 }
        output = { dist = "fixed", value = 100 }
        [workload]
        duration = "30s"
        "#,
    );
    let figures = ["queue", "servers", "classes", "failures"].map(|kind| format!("{kind}={kind}.svg"));
    let mut arguments = vec!["run", "fleet.toml"];
    arguments.extend(figures.iter().flat_map(|figure| ["--figure", figure]));
    let ended = place.run(&arguments);
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
    let svg = |kind: &str| fs::read_to_string(place.path(&format!("{kind}.svg"))).unwrap();
    for kind in ["queue", "servers", "classes", "failures"] {
        let svg = svg(kind);
        assert!(
            svg.contains("server 1 crashes") && svg.contains("server 1 is back"),
            "{kind}"
        );
    }
    assert!(svg("servers").contains("server 0") && svg("servers").contains("server 1"));
    assert!(svg("classes").contains("\nchat\n") && svg("classes").contains("\nbatch\n"));
}

#[test]
fn figures_of_several_seeds_are_those_of_all_requests() {
    let place = Workplace::new();
    let ended = run(
        &place,
        &["--seeds", "2", "--figure", "tail=tail.svg", "--html", "run.html"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = fs::read_to_string(place.path("run.html")).unwrap();
    assert!(
        page.contains("2500 requests with each of 2 seeds from 42"),
        "says how many"
    );
}

#[test]
fn figures_that_cannot_be_are_refused_before_the_run() {
    let place = Workplace::new();
    for (more, hint) in [
        (
            &["--figure", "bars=x.svg"][..],
            "kinds: queue, latency, limits, memory, failures, servers, classes, scaling, tail",
        ),
        (&["--figure", "x.pdf"], "SVG or PNG"),
        (&["--figure", "tail=x.jpg"], "x.svg or x.png"),
        (&["--figure", "x.svg", "--figure", "tail=x.svg"], "would overwrite"),
        (&["--html", "x.html", "--requests-out", "x.html"], "would overwrite"),
    ] {
        let ended = run(&place, more);
        assert_eq!(ended.code, Some(2), "{more:?}");
        assert!(ended.stderr.contains(hint), "{more:?}: {}", ended.stderr);
        assert!(place.listing().is_empty(), "{more:?}");
    }
}

#[test]
fn a_curve_is_drawn_against_load_and_as_what_gpus_and_users_get_of_it() {
    let place = Workplace::new();
    let curve = ["curve", "--concurrency", "1,8,32", "--requests", "1200", "--quiet"];
    let figures = ["--figure", "load.svg", "--figure", "interactivity=users.svg"];
    let ended = place.run(&[&curve[..], &figures[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let svg = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    assert!(svg("load.svg").contains("How many requests at once before latency gives way?"));
    let users = svg("users.svg");
    for part in [
        "while each user reads so fast?",
        "per second per GPU",
        "by concurrent requests",
        "\n32\n",
    ] {
        assert!(users.contains(part), "{part}");
    }
}
