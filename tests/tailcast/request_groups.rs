//! Results by priority and by turn of a session: together they are the whole, and each is what its requests felt.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use tailcast::config::Scenario;
use tailcast::engine::{Event, Finished, Observer, StepRun};
use tailcast::metrics::RunMeasure;
use tailcast::study::replay;
use tailcast::units::Time;
use tailcast::workload::{Request, RequestId};

use crate::command::Workplace;
use crate::measures::{NO_MEASURES, is_at_or_below, numbers};

/// A server with given step times, and the keys of [workload].
fn scenario(workload: &str, more: &str) -> String {
    format!(
        "seed = 3\n[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n\
         step_time = {{ base_us = 8000, per_token_us = 20, per_seq_us = 30 }}\n{more}\n\
         [workload]\nwarm_up = \"none\"\n{workload}"
    )
}

const LENGTHS: &str = "prompt = { dist = \"uniform\", min = 20, max = 400 }\n\
                       output = { dist = \"uniform\", min = 2, max = 20 }\n";

fn sessions(turns: u32) -> String {
    scenario(
        &format!(
            "requests = 900\narrivals = {{ process = \"poisson\", rate = 4.0 }}\n{LENGTHS}\
             session = {{ turns = {turns}, think = \"1s\" }}"
        ),
        "",
    )
}

fn urgent(levels: &str, more: &str) -> String {
    scenario(
        &format!(
            "requests = 900\narrivals = {{ process = \"poisson\", rate = 40.0 }}\n{LENGTHS}priority = {levels}\n{more}"
        ),
        "[batching]\nscheduling = \"priority\"\nmax_num_seqs = 8",
    )
}

fn json(place: &Workplace, text: &str, more: &[&str]) -> Value {
    place.write("it.toml", text);
    let arguments = ["run", "it.toml", "--format", "json", "--slo-exit-zero"];
    let ended = place.run(&[&arguments[..], more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.json()
}

fn number(value: &Value, path: &str) -> f64 {
    let found = value.pointer(&format!("/{}", path.replace('.', "/")));
    found
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{path} in {value}"))
}

/// Groups of a section by their names, in their order.
fn groups<'a>(run: &'a Value, section: &str) -> Vec<(&'a str, &'a Value)> {
    let groups = run[section].as_object().unwrap_or_else(|| panic!("{section} in {run}"));
    groups.iter().map(|(name, group)| (name.as_str(), group)).collect()
}

fn is_near(one: f64, other: f64, within: f64) -> bool {
    (one - other).abs() <= within * other.abs()
}

/// Counts, rates and sums of latencies of the groups come to those of all requests.
fn assert_whole(run: &Value, section: &str) {
    let groups = groups(run, section);
    for count in [
        "arrived",
        "finished",
        "rejected",
        "timed_out",
        "failed",
        "running_at_end",
        "waiting_at_end",
        "preemptions",
        "cut_at_max_model_len",
    ] {
        let path = format!("requests.{count}");
        let sum: f64 = groups.iter().map(|(_, group)| number(group, &path)).sum();
        assert!((sum - number(run, &path)).abs() < 0.5, "{path} of {section}: {sum}");
    }
    for rate in ["requests_per_s", "input_tokens_per_s", "output_tokens_per_s"] {
        let path = format!("throughput.{rate}");
        let sum: f64 = groups.iter().map(|(_, group)| number(group, &path)).sum();
        assert!(is_near(sum, number(run, &path), 1e-9), "{path} of {section}");
    }
    for latency in ["ttft", "tpot", "e2e", "queue_wait"] {
        let of = |it: &Value, of: &str| it["latency"][latency][of].as_f64().unwrap_or(0.0);
        let total = |it: &Value| of(it, "count") * of(it, "mean");
        let sum: f64 = groups.iter().map(|(_, group)| total(group)).sum();
        assert!((sum - total(run)).abs() <= 1e-9 * total(run), "{latency} of {section}");
        let longest = groups.iter().map(|(_, group)| of(group, "max")).fold(0.0, f64::max);
        assert!((longest - of(run, "max")).abs() < 1e-12, "{latency} of {section}");
    }
}

/// Who was sent as which turn, and how it went.
#[derive(Default)]
struct Turns {
    turn_of: BTreeMap<RequestId, u16>,
    finished: BTreeMap<u16, Vec<Finished>>,
}

impl Observer for Turns {
    fn sent(&mut self, request: &Request) {
        self.turn_of.insert(request.id, request.turn);
    }

    fn on(&mut self, _at: Time, id: RequestId, event: &Event) {
        if let Event::Finished(history) = event {
            self.finished.entry(self.turn_of[&id]).or_default().push(*history);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

#[test]
fn turns_are_the_whole_and_each_is_what_its_requests_felt() {
    let text = sessions(4);
    let place = Workplace::new();
    let run = json(&place, &text, &[]);
    assert_whole(&run, "turns");
    let mut heard = Turns::default();
    replay(&Scenario::from_toml(&text).unwrap(), 3, &mut heard).unwrap();
    let told = groups(&run, "turns");
    assert_eq!(
        told.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["1", "2", "3", "4"]
    );
    for ((name, group), (turn, finished)) in told.into_iter().zip(&heard.finished) {
        assert_eq!(name, turn.to_string());
        assert!((number(group, "requests.finished") - finished.len() as f64).abs() < 0.5);
        let mut ttfts: Vec<f64> = finished
            .iter()
            .map(|it| (it.first_token - it.arrival).seconds())
            .collect();
        ttfts.sort_by(f64::total_cmp);
        let mean = ttfts.iter().sum::<f64>() / ttfts.len() as f64;
        assert!(is_near(number(group, "latency.ttft.mean"), mean, 1e-9), "turn {turn}");
        let middle = ttfts.len() / 2;
        let p50 = number(group, "latency.ttft.p50");
        assert!(
            ttfts[middle - 1] * 0.999 <= p50 && p50 <= ttfts[middle] * 1.001,
            "turn {turn}: {p50} about {}",
            ttfts[middle]
        );
        let sum = |of: fn(&Finished) -> u32| finished.iter().map(|it| f64::from(of(it))).sum::<f64>();
        let share = sum(|it| it.cached_tokens) / sum(|it| it.input_tokens);
        assert!(
            (number(group, "kv.prefix_hit_ratio") - share).abs() < 1e-12,
            "turn {turn}"
        );
    }
    // What was said before is found again, and there is more of it at each turn.
    let hits = |turn: &str| number(&run, &format!("turns.{turn}.kv.prefix_hit_ratio"));
    assert!(hits("1") < 0.01 && hits("2") > 0.3 && hits("4") > hits("2"), "{run}");
    let screen = place.run(&["run", "it.toml"]).stdout;
    let rows = screen.lines().filter(|line| line.starts_with("turn "));
    assert_eq!(rows.count(), 1 + 4, "a heading and four rows: {screen}");
    // Each turn has enough requests for a p90, and none for a p99.
    let last = screen.lines().find(|line| line.starts_with("turn 4 ")).unwrap();
    assert!(screen.contains("ttft.p90") && !last.contains(" - "), "{screen}");
}

#[test]
fn priorities_are_the_whole_and_agree_with_the_rows_of_requests() {
    let place = Workplace::new();
    let levels = "[{ value = 5, share = 0.6 }, { value = -1, share = 0.4 }]";
    let text = urgent(levels, "timeout = \"3s\"").replace("rate = 40.0", "rate = 200.0");
    let run = json(&place, &text, &["--requests-out", "rows.csv"]);
    assert_whole(&run, "priorities");
    let rows = std::fs::read_to_string(place.path("rows.csv")).unwrap();
    let mut rows = rows.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let heading = rows.next().unwrap();
    let at = |name: &str| heading.iter().position(|it| *it == name).unwrap();
    let rows: Vec<Vec<&str>> = rows.collect();
    let told = groups(&run, "priorities");
    assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["-1", "5"]);
    for (name, group) in told {
        // Rows of requests that did not finish say no priority.
        let of_group = || rows.iter().filter(|row| row[at("priority")] == name);
        let ttfts: Vec<f64> = of_group().map(|row| row[at("ttft_s")].parse().unwrap()).collect();
        assert!((number(group, "requests.finished") - ttfts.len() as f64).abs() < 0.5);
        let mean = ttfts.iter().sum::<f64>() / ttfts.len() as f64;
        assert!(is_near(number(group, "latency.ttft.mean"), mean, 1e-9), "{name}");
    }
    let lost = |name: &str| number(&run, &format!("priorities.{name}.requests.timed_out"));
    assert!(
        lost("5") > 50.0 && lost("-1") < lost("5"),
        "{} {}",
        lost("-1"),
        lost("5")
    );
    let screen = place.run(&["run", "it.toml"]).stdout;
    assert!(screen.contains("\npriority -1 "), "{screen}");
    let page = place.run(&["run", "it.toml", "--html", "it.html", "--slo-exit-zero"]);
    assert_eq!(page.code, Some(0), "{}", page.stderr);
    let page = std::fs::read_to_string(place.path("it.html")).unwrap();
    assert!(page.contains("priority -1"), "the page has the rows of the screen");
}

/// Who tries again, is sent twice or is lost with a server stays in the group that it was sent in.
#[test]
fn groups_stay_whole_where_requests_are_sent_again() {
    let place = Workplace::new();
    let levels = "[{ value = 0, share = 0.5 }, { value = 1, share = 0.5 }]";
    let more = "[fleet]\nservers = 3\n[[fleet.fault]]\nkind = \"crash\"\nserver = 0\nat = \"4s\"\nrestart = \"5s\"\n\
                [client]\ntimeout = \"4s\"\nhedge_after = \"500ms\"\nretry = { max = 2 }\n[admission]\nmax_queue = 6";
    let text = format!("{}\n{more}", urgent(levels, "")).replace("rate = 40.0", "rate = 120.0");
    let run = json(&place, &text, &[]);
    assert!(
        number(&run, "fleet.hedged") > 10.0 && number(&run, "fleet.retries") > 10.0,
        "{}",
        run["fleet"]
    );
    assert!(
        number(&run, "requests.failed") > 0.0 && number(&run, "fleet.lost") > 0.0,
        "{run}"
    );
    assert_whole(&run, "priorities");
}

#[test]
fn a_single_group_is_not_told() {
    let place = Workplace::new();
    for text in [urgent("7", ""), sessions(1)] {
        let run = json(&place, &text, &[]);
        assert!(run.get("priorities").is_none() && run.get("turns").is_none());
        let screen = place.run(&["run", "it.toml"]).stdout;
        assert!(!screen.contains("(ms)  ttft.p50"), "{screen}");
    }
}

#[test]
fn so_many_groups_have_a_row_and_the_rest_is_one() {
    let place = Workplace::new();
    let run = json(&place, &sessions(20), &[]);
    let names: Vec<&str> = groups(&run, "turns").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 17);
    assert!(names.contains(&"16") && names.contains(&"later"), "{names:?}");
    let screen = place.run(&["run", "it.toml"]).stdout;
    let rows: Vec<&str> = screen
        .lines()
        .skip_while(|line| !line.starts_with("turn (ms)"))
        .collect();
    assert!(
        rows[2].starts_with("turn 2 ") && rows[16].starts_with("turn 16 "),
        "{screen}"
    );
    assert!(rows[17].starts_with("later turns "), "{screen}");
    assert!(number(&run, "turns.later.requests.arrived") > number(&run, "turns.16.requests.arrived"));
    assert_whole(&run, "turns");

    let levels: Vec<String> = (0..30)
        .map(|value| format!("{{ value = {value}, share = 1 }}"))
        .collect();
    let run = json(&place, &urgent(&format!("[{}]", levels.join(", ")), ""), &[]);
    let names: Vec<&str> = groups(&run, "priorities").into_iter().map(|(name, _)| name).collect();
    assert!(names.len() == 17 && names.contains(&"other"), "{names:?}");
    assert_whole(&run, "priorities");
    let screen = place.run(&["run", "it.toml"]).stdout;
    assert!(screen.contains("\nother priorities "), "{screen}");
}

#[test]
fn runs_with_several_seeds_pool_groups_and_give_them_intervals() {
    let place = Workplace::new();
    let text = sessions(3);
    let pooled = json(&place, &text, &["--seeds", "2"]);
    assert_whole(&pooled, "turns");
    let each = ["3", "4"].map(|seed| json(&place, &text, &["--seed", seed]));
    let of = |run: &Value| number(run, "turns.2.requests.finished");
    assert!((of(&pooled) - of(&each[0]) - of(&each[1])).abs() < 0.5);
    assert!(pooled["turns"]["2"]["latency"]["ttft"]["ci95"]["p50"].is_array());
    assert!(each[0]["turns"]["2"]["latency"]["ttft"]["ci95"].is_null());
    // A run in which all have one priority is pooled with those in which they do not.
    let rare = urgent("[{ value = 0, share = 1 }, { value = 1, share = 0.03 }]", "").replace("= 900", "= 30");
    let has_both = |seed: u32| {
        let run = json(&place, &rare, &["--seed", &seed.to_string()]);
        run.get("priorities").is_some()
    };
    let first = (1..60).find(|&seed| has_both(seed) != has_both(seed + 1));
    let first = first.expect("some have both and some have not").to_string();
    let pooled = json(&place, &rare, &["--seed", &first, "--seeds", "2"]);
    assert!((number(&pooled, "requests.arrived") - 60.0).abs() < 0.5);
    assert_whole(&pooled, "priorities");
}

#[test]
fn rows_of_a_trace_that_wait_for_others_are_turns() {
    let place = Workplace::new();
    let mut trace = String::from("arrival_s,input_tokens,output_tokens,session,after_s,priority\n");
    for session in 0..40 {
        let _ = writeln!(trace, "{session},100,10,s{session},,0");
        let _ = writeln!(trace, ",150,10,s{session},0.5,1\n,200,10,s{session},0.5,1");
    }
    trace += "41,100,10,,,0\n42,100,10,s0,,0\n";
    place.write("trace.csv", trace);
    let text = scenario("trace = { path = \"trace.csv\", format = \"csv\" }", "");
    let run = json(&place, &text, &[]);
    let arrived = |place: &str| number(&run, &format!("{place}.requests.arrived"));
    // Who belongs to no session, and who begins one anew, is a first turn.
    let told = ["turns.1", "turns.2", "turns.3", "priorities.0", "priorities.1"].map(arrived);
    assert_eq!(told.map(|it| it as u32), [42, 40, 40, 42, 80]);
    assert_eq!(groups(&run, "turns").len(), 3);
    assert_whole(&run, "turns");
    assert_whole(&run, "priorities");
}

#[test]
fn studies_name_the_numbers_of_groups() {
    let place = Workplace::new();
    let text = sessions(3);
    let run = json(&place, &text, &[]);
    let mut places = Vec::new();
    numbers(&run["turns"], "turns", &mut places);
    let has_reason = |place: &str| {
        let rest = place.splitn(3, '.').nth(2).unwrap();
        NO_MEASURES.iter().any(|(pattern, _)| is_at_or_below(rest, pattern))
    };
    let is_measure = |place: &str| RunMeasure::named(place).is_some();
    let nameless: Vec<&String> = places.iter().filter(|it| !is_measure(it) && !has_reason(it)).collect();
    assert!(places.len() > 30 && nameless.is_empty(), "{nameless:?}");
    let sweep = |metric: &str| {
        let axis = "[[axis]]\nkey = \"workload.requests\"\nvalues = [900]";
        place.write(
            "study.toml",
            format!("scenario = \"it.toml\"\nmetrics = [\"{metric}\"]\n{axis}"),
        );
        place.run(&["sweep", "study.toml", "--out", "out.csv", "--overwrite"])
    };
    for name in [
        "turns.2.ttft.p50",
        "turns.3.kv.prefix_hit_ratio",
        "priorities.0.e2e.mean",
    ] {
        let ended = sweep(name);
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let kept = std::fs::read_to_string(place.path("out.csv")).unwrap();
        let mut cells = kept.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let at = cells.next().unwrap().iter().position(|it| *it == name).unwrap();
        let kept = cells.next().unwrap()[at];
        let (section, rest) = name.split_once('.').unwrap();
        match run.get(section) {
            Some(section) => {
                let (group, rest) = rest.split_once('.').unwrap();
                let rest = if rest.starts_with("kv.") {
                    rest.to_owned()
                } else {
                    format!("latency.{rest}")
                };
                let told = number(&section[group], &rest);
                assert!(is_near(kept.parse().unwrap(), told, 1e-12), "{name}: {kept} and {told}");
            }
            None => assert_eq!(kept, "", "a single priority is not told apart"),
        }
    }
    for (name, words) in [
        (
            "priorities.4.ttft.p99",
            ["no request has this priority", "its priorities are 0"],
        ),
        ("turns.2.kv.usage.max", ["not known of turns", "kv.prefix_hit_ratio"]),
        ("turns.17.ttft.p99", ["`turns.17.ttft.p99`", "turns.later"]),
    ] {
        let ended = sweep(name);
        assert_eq!(ended.code, Some(2), "{name}: {}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{}", ended.stderr);
    }
    place.write("it.toml", urgent("7", ""));
    let ended = sweep("turns.2.ttft.p50");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no workload has sessions"), "{}", ended.stderr);
}
