//! A capacity answers what was asked: servers for requests at once or for users who think, a profile of rates as a
//! whole, the scenario's own load beside it, and how far it may be off.

use serde_json::Value;
use tailcast::answer::{Base, CapacityQuestion, Control, LoadKind, RunQuestion, ServersFor};
use tailcast::study::MemoryLeftOut;
use tailcast::units::Span;

use crate::capacities::{M_M_1, number};
use crate::command::Workplace;

/// A step with `n` requests takes 10 + n ms, so that 40 clients at once have a TPOT of 50 ms and 41 have not.
const FORTY: &str = r#"
name = "forty at once"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 10000, per_seq_us = 1000 }
[workload]
requests = 1000
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 1 }
output = { dist = "fixed", value = 20 }
[slo]
"tpot.p99" = "50ms"
"#;

fn question(text: &str) -> CapacityQuestion {
    CapacityQuestion {
        base: Base::from_toml(text),
        tries_changes: false,
        ..CapacityQuestion::default()
    }
}

fn json(question: &CapacityQuestion) -> Value {
    let answer = question
        .answer(&Control::default())
        .unwrap_or_else(|it| panic!("{it:?}"));
    serde_json::from_str(&answer.to_json()).unwrap()
}

/// The M/M/1 queue under an objective on the mean time in the system, with other arrivals.
fn m_m_1(requests: &str, arrivals: &str) -> String {
    M_M_1
        .replace("requests = 40000", requests)
        .replace("process = \"poisson\", rate = 1.0", arrivals)
        + "[slo]\n\"e2e.mean\" = \"2500ms\"\n"
}

#[test]
fn requests_at_once_need_no_more_servers_than_equal_shares_of_them_would() {
    for (clients, by_shares) in [(1, 1), (40, 1), (41, 2), (80, 2), (81, 3), (401, 11)] {
        let found = json(&CapacityQuestion {
            servers_for: Some(ServersFor::Concurrency(clients)),
            seeds: Some(1),
            ..question(FORTY)
        });
        assert_eq!(found["capacity"], 40.0);
        let servers = &found["servers"];
        assert_eq!(servers["of"], "concurrency");
        assert_eq!(servers["load"].as_f64(), Some(f64::from(clients)));
        // Clients of several servers are less in step, which spares a tenth at most.
        let fewest = number(&servers["fewest"]);
        let least = (f64::from(clients) / 45.0).ceil();
        assert!((least..=f64::from(by_shares)).contains(&fewest), "{clients}: {fewest}");
        assert_eq!(
            servers["each"].as_f64(),
            Some((f64::from(clients) / fewest).ceil()),
            "{clients}"
        );
        assert_eq!(servers["fewest_with_one_down"].as_f64(), Some(fewest + 1.0));
        assert!(servers["rate_per_s"].is_null() && servers["think_s"].is_null());
    }
}

/// Users who think do not count as requests at once: those of the scenario's own loop are asked for without pauses.
#[test]
fn requests_at_once_have_no_pauses_even_if_the_scenarios_clients_do() {
    let thinking = FORTY.replace(
        "process = \"poisson\", rate = 1.0",
        "process = \"closed\", concurrency = 9, think = \"30s\"",
    );
    let found = json(&CapacityQuestion {
        servers_for: Some(ServersFor::Concurrency(100)),
        seeds: Some(1),
        ..question(&thinking)
    });
    assert_eq!(found["of"], "concurrency");
    assert_eq!(found["capacity"], 40.0);
    assert_eq!(found["servers"]["fewest"], 3);
    assert!(found["own_load"].is_null(), "its own load is of users");
}

/// The most users of whom each thinks 10 s on average, with exponential services of half a second by one server, whose
/// mean time in the system is at most 2.5 s: by mean value analysis (Reiser and Lavenberg, 1980), which holds for
/// pauses of any distribution.
fn users_on_paper() -> f64 {
    let (service, think, limit) = (0.5, 10.0, 2.5);
    let (mut users, mut inside) = (0.0, 0.0);
    loop {
        let response = service * (1.0 + inside);
        if response > limit {
            return users;
        }
        users += 1.0;
        inside = users / (response + think) * response;
    }
}

#[test]
fn users_who_think_are_as_many_as_mean_value_analysis_says() {
    let on_paper = users_on_paper();
    let closed = "process = \"closed\", concurrency = 5, think = { dist = \"exponential\", mean = \"10s\" }";
    let own = m_m_1("requests = 20000", closed);
    let poisson = m_m_1("requests = 20000", "process = \"poisson\", rate = 1.0");
    for (text, think) in [(&own, None), (&poisson, Span::from_seconds(10.0))] {
        let found = json(&CapacityQuestion {
            servers_for: Some(ServersFor::Users { users: 200, think }),
            seeds: Some(2),
            ..question(text)
        });
        let capacity = number(&found["capacity"]);
        assert!((capacity - on_paper).abs() <= 1.5, "{capacity}, not {on_paper}");
        let servers = &found["servers"];
        assert_eq!((&servers["of"], &servers["think_s"]), (&"users".into(), &10.0.into()));
        assert_eq!(servers["load"], 200.0);
        let fewest = number(&servers["fewest"]);
        assert!(
            (fewest - (200.0 / capacity).ceil()).abs() <= 1.0,
            "{fewest} of {capacity} each"
        );
        assert_eq!(servers["each"], (200.0 / fewest).ceil());
        assert_eq!(found["own_load"].as_f64(), think.is_none().then_some(5.0));
    }
}

#[test]
fn questions_that_exclude_each_other_or_say_too_little_are_refused() {
    let place = Workplace::new();
    place.write("forty.toml", FORTY);
    for (flags, said) in [
        (&["--rate", "1", "--users", "2"][..], "cannot be used with"),
        (&["--rate", "1", "--concurrency", "2"], "cannot be used with"),
        (&["--users", "1", "--concurrency", "2"], "cannot be used with"),
        (&["--think", "3s"], "--users"),
        (&["--by-hour"], "--rate"),
        (&["--rate", "1", "--by-hour"], "process = \"diurnal\""),
        (&["--users", "9", "--think", "3"], "no unit"),
        (&["--users", "9"], "write --think 30s"),
        (&["--users", "9", "--think", "0s"], "--concurrency"),
    ] {
        let ended = place.run(&[&["capacity", "forty.toml"], flags].concat());
        assert_eq!(ended.code, Some(2), "{flags:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(said), "{flags:?}: {}", ended.stderr);
    }
    for servers_for in [
        ServersFor::Rate(f64::NAN),
        ServersFor::Rate(0.0),
        ServersFor::Concurrency(0),
        ServersFor::Users { users: 0, think: None },
    ] {
        let refused = CapacityQuestion {
            servers_for: Some(servers_for),
            ..question(FORTY)
        };
        assert!(refused.answer(&Control::default()).is_err(), "{servers_for:?}");
    }
}

#[test]
fn a_profile_is_multiplied_as_a_whole() {
    // Half the time at one rate and half at twice as much: by M/M/1 with mu = 2, times 1 / (mu - lambda), weighted by
    // requests, come to (0.85 / 1.15 + 1.7 / 0.3) / 2.55 = 2.51 s at 1.7 times.
    let stages = "process = \"stages\", stages = [{ rate = 0.5, duration = \"10000s\" }, { rate = 1.0, duration = \
                  \"10000s\" }]";
    let text = m_m_1("", stages);
    for (of, servers_for) in [(Some(LoadKind::Rate), None), (None, Some(ServersFor::Rate(9.5)))] {
        let found = json(&CapacityQuestion {
            of,
            servers_for,
            ..question(&text)
        });
        assert_eq!(found["of"], "profile_times");
        let times = number(&found["capacity"]);
        assert!((times / 1.7 - 1.0).abs() < 0.05, "{times}");
        assert_eq!((&found["own_load"], &found["length"]), (&1.0.into(), &1.into()));
        assert!((number(&found["own_load_share"]) * times - 1.0).abs() < 1e-9);
        if servers_for.is_some() {
            // A mean of 9.5 is 12.7 times the profile's 0.75, and its peak 12.7 requests/s: 7 servers do 14 in each
            // second, and wait little behind a router that looks for the shortest queue; 6 do 12.
            let servers = &found["servers"];
            assert_eq!(
                (&servers["rate_per_s"], &servers["of"]),
                (&9.5.into(), &"profile_times".into())
            );
            assert!((number(&servers["load"]) - 9.5 / 0.75).abs() < 1e-9);
            assert_eq!(
                (&servers["router"], &servers["fewest"]),
                (&"least_outstanding".into(), &7.into())
            );
        }
    }
}

/// By M/M/c with mu = 2 the mean time is 1 / (2 - rate) on one server and 2 / (4 - rate^2 / 4) on two: 2.5 s at 1.6 and
/// 3.58 requests/s.
#[test]
fn each_hour_has_the_servers_that_its_busiest_moment_needs() {
    let stages = "process = \"stages\", stages = [{ rate = 0.5, duration = \"3h\" }, { rate = 3.2, duration = \
                  \"30m\" }, { rate = 1.2, duration = \"90m\" }, { rate = 0, duration = \"1h\" }]";
    let text = m_m_1("", stages);
    let mean = (0.5 * 3.0 + 3.2 * 0.5 + 1.2 * 1.5) / 6.0;
    let asked = CapacityQuestion {
        servers_for: Some(ServersFor::RateByHour(mean)),
        seeds: Some(2),
        ..question(&text)
    };
    let found = json(&asked);
    let hours = found["servers"]["by_hour"].as_array().unwrap();
    let hours: Vec<[f64; 3]> = hours
        .iter()
        .map(|hour| ["hour", "rate_per_s", "fewest"].map(|key| number(&hour[key])))
        .collect();
    let expected = [(0.5, 1.0), (0.5, 1.0), (0.5, 1.0), (3.2, 2.0), (1.2, 1.0), (0.0, 0.0)];
    assert_eq!(hours.len(), expected.len());
    for (place, ([hour, rate, fewest], (expected_rate, servers))) in hours.iter().zip(expected).enumerate() {
        assert_eq!((*hour, *fewest), (place as f64, servers), "{hours:?}");
        assert!((rate - expected_rate).abs() < 1e-9, "{hours:?}");
    }
    let text = asked.answer(&Control::default()).unwrap().to_text();
    assert!(
        text.contains("6 server-hours if each hour has what its busiest moment needs, 50.0 % less than 2 throughout"),
        "{text}"
    );
    assert!(text.contains("03:00"), "{text}");
    // Who does not ask for hours gets none.
    let plain = json(&CapacityQuestion {
        servers_for: Some(ServersFor::Rate(mean)),
        ..asked
    });
    assert!(plain["servers"].get("by_hour").is_none(), "{}", plain["servers"]);
}

/// A run that ends after so many requests sees the same part of the profile at each multiple of it.
#[test]
fn a_part_of_a_profile_stays_the_same_part() {
    // The first half of the requests at one rate and the others at twice as much: 1 / (2 - f / 2) + 1 / (2 - f) = 5.
    let stages = "process = \"stages\", stages = [{ rate = 0.5, duration = \"20000s\" }, { rate = 1.0, duration = \
                  \"1000000s\" }]";
    let found = json(&question(&m_m_1("requests = 20000", stages)));
    let times = number(&found["capacity"]);
    assert!((times / 1.757 - 1.0).abs() < 0.04, "{times}");
}

#[test]
fn a_profile_is_shown_with_its_peak_and_its_mean() {
    let kind = LoadKind::ProfileTimes {
        mean_per_s: 6.666_666,
        peak_per_s: 20.0,
    };
    assert_eq!(
        kind.with_unit(1.8),
        "1.8 times the profile (peak 36 req/s, mean 12 req/s)"
    );
}

#[test]
fn the_scenarios_own_load_stands_beside_the_capacity() {
    let asked = CapacityQuestion {
        seeds: Some(2),
        ..question(&m_m_1("requests = 5000", "process = \"poisson\", rate = 0.4"))
    };
    let answer = asked.answer(&Control::default()).unwrap();
    let (screen, found) = (answer.to_text(), answer.to_json());
    let found: Value = serde_json::from_str(&found).unwrap();
    let share = number(&found["own_load_share"]);
    assert_eq!(found["own_load"], 0.4);
    // 1.6 requests/s on paper.
    assert!((share / 0.25 - 1.0).abs() < 0.1, "{share}");
    let own = format!("Own load  0.4 req/s: {:.1} % of it\n", 100.0 * share);
    assert!(screen.contains(&own), "{screen}");
    // One request at a time: busy for as much of the time as the load is of 2 requests/s.
    let busy = number(&found["at_capacity"]["gpu"]["busy_fraction"]);
    assert!((busy / 0.8 - 1.0).abs() < 0.06, "{busy}");
    let runs = format!("a step runs {:.1} % of the time", 100.0 * busy);
    assert!(screen.contains(&runs), "{screen}");
}

/// One request at a time, whose time is its steps', under an objective that only a queue without end misses.
const ONE_AT_A_TIME: &str = r#"
name = "one at a time"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[batching]
policy = "none"
[workload]
requests = 2000
arrivals = { process = "constant", rate = 2.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 50 }
[slo]
"e2e.mean" = "10s"
"#;

#[test]
fn a_capacity_has_the_range_of_the_model() {
    let of = |question: CapacityQuestion| json(&question);
    let asked = CapacityQuestion {
        servers_for: Some(ServersFor::Rate(20.0)),
        seeds: Some(2),
        ..question(ONE_AT_A_TIME)
    };
    let found = of(asked.clone());
    let capacity = number(&found["capacity"]);
    let error = number(&found["step_time_error"]);
    assert!(error > 0.05);
    // Steps that take so much longer serve so much less.
    for (end, times) in [(0, 1.0 / (1.0 + error)), (1, 1.0 + error)] {
        let at_end = number(&found["model_range"][end]);
        assert!(
            (at_end / capacity / times - 1.0).abs() < 0.011,
            "{at_end} of {capacity}"
        );
        // Shorter steps, which serve more, come first.
        let fewest = number(&found["servers"]["model_range"][1 - end]);
        assert!(
            (fewest - (20.0 / at_end).ceil()).abs() <= 1.0,
            "{fewest} of {at_end} each"
        );
    }
    let text = asked.answer(&Control::default()).unwrap().to_text();
    let line = format!("If off    step times off by ±{:.0} %: [", 100.0 * error);
    assert!(text.contains(&line), "{text}");

    let unasked = of(CapacityQuestion {
        finds_range: false,
        ..asked
    });
    assert_eq!(unasked["capacity"], found["capacity"]);
    assert!(unasked["model_range"].is_null() && unasked["servers"]["model_range"].is_null());
    let given = of(CapacityQuestion {
        seeds: Some(1),
        ..question(&m_m_1("requests = 3000", "process = \"poisson\", rate = 1.0"))
    });
    assert!(given["model_range"].is_null() && given["step_time_error"].is_null());
}

/// What each part costs adds up to the difference between the formula and what blocks hold, whatever the server.
#[test]
fn what_the_formula_forgets_of_memory_adds_up() {
    for (server, parts) in [
        ("", 4),
        ("gpu_memory_utilization = 0.7", 4),
        ("tensor_parallel = 2\nblock_size = 32", 4),
        ("kv_blocks = 9000", 2),
        ("kv_blocks = 60000", 2),
    ] {
        let text = ONE_AT_A_TIME.replace("gpu = \"h100-sxm\"", &format!("gpu = \"h100-sxm\"\n{server}"));
        for context in [1.0, 150.0, 700.5, 8_000.0] {
            let input = Base::from_toml(&text).load().unwrap();
            let memory = MemoryLeftOut::of(&input.scenario.deployment, context);
            let forgotten: f64 = memory.parts.iter().map(|part| part.users).sum();
            let left = memory.formula_users - forgotten;
            assert!(
                (left / memory.users_in_blocks - 1.0).abs() < 1e-9,
                "{server}, {context}: {memory:?}"
            );
            assert_eq!(memory.parts.len(), parts);
            let bytes: f64 = memory.parts.iter().map(|part| part.bytes).sum();
            let per_user = input.scenario.deployment.memory.kv_bytes_of_user(context);
            assert!(
                (bytes / per_user - forgotten).abs() <= 1e-9 * forgotten.abs().max(1.0),
                "{server}, {context}"
            );
        }
    }
}

#[test]
fn an_explanation_starts_with_the_memory_that_the_formula_forgets() {
    let place = Workplace::new();
    // 80 GiB of which a tenth is kept from the server; 131072 bytes of KV a token, 150 tokens a user.
    let text = ONE_AT_A_TIME.replace("requests = 2000", "requests = 20");
    let text = text.replace("[batching]", "gpu_memory_utilization = 0.9\n[batching]");
    place.write("one.toml", text);
    let screen = place.run(&["run", "one.toml", "--explain"]).stdout;
    let (_, explained) = screen.split_once("\n\n").unwrap();
    assert!(explained.starts_with("how many users?"), "{explained}");
    let users = |name: &str| -> f64 {
        let line = explained.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name}: {explained}"));
        let number = line[name.len()..].split_whitespace().next();
        number.unwrap().parse().unwrap()
    };
    let names = [
        "kept from the server",
        "activations",
        "libraries and graphs",
        "whole blocks",
    ];
    let forgotten: f64 = names.iter().map(|name| users(name)).sum();
    let left = users("formula, mean context") + forgotten;
    assert!((left / users("memory holds") - 1.0).abs() < 0.01, "{explained}");
    let report = RunQuestion::of(Base::from_file(place.path("one.toml")))
        .answer(&Control::default())
        .unwrap()
        .report;
    // What a tenth of the memory would hold of contexts of 150 tokens, 128 KiB each.
    let tenth = 0.1 * report.memory.total_bytes.unwrap() as f64 / (150.0 * 131_072.0);
    assert!((users(names[0]) / -tenth - 1.0).abs() < 0.01, "{tenth}: {explained}");
}
