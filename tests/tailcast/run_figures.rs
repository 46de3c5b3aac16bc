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
            "kinds: queue, memory, failures, servers, scaling, latency, tail",
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
