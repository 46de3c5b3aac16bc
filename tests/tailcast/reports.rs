//! Screens, JSON and files show what was recorded, warnings first, and nothing that is not known.

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use tailcast::engine::{Event, Observer};
use tailcast::metrics::{
    Binding, Breakdown, Constraint, LatencySummary, Replications, Slo, Summary, TimelineRow, Verdict,
};
use tailcast::report::{
    Headline, MemoryReport, RowForm, RunReport, Style, TimelineColumns, TimelineRows, write_atomically, write_requests,
};
use tailcast::workload::RequestId;

use crate::metrics::{MILLISECOND, quiet_run, recorder, recording, slo, time};

fn report(summary: &Summary, slos: &[Slo]) -> RunReport {
    RunReport {
        fleet: None,
        path: None,
        cost: None,
        breakdown: Breakdown::default(),
        headline: Headline {
            pools: None,
            engine: "vLLM 0.33".to_owned(),
            model: "llama-3.1-8b".to_owned(),
            gpu: "h100-sxm".to_owned(),
            tensor_parallel: 1,
            policy: "continuous batching".to_owned(),
            workload: "quiet".to_owned(),
            replications: 1,
            wall: Some(Duration::from_millis(812)),
        },
        scenario_hash: "0123abcd".to_owned(),
        seed: 42,
        fidelity: Some("made up".to_owned()),
        model_error: None,
        summary: *summary,
        pools: Vec::new(),
        memory: MemoryReport {
            total_bytes: Some(80_000_000_000),
            closed_form_users: Some(53.4),
            ..MemoryReport::default()
        },
        slos: slos.to_vec(),
        is_complete: true,
        of_workload: Vec::new(),
    }
}

#[test]
fn the_screen_reads_like_this() {
    let report = report(
        &Summary::of(&recording(1_000)),
        &[slo("ttft.p99", 2_000), slo("e2e.mean", 50), slo("ttft.p999", 2_000)],
    );
    assert_eq!(report.verdict(), Some(Verdict::SloMissed));
    let expected = "\
WARNING   1000 samples are too few to judge ttft.p999 <= 2 s: simulate more requests
Verdict   SLO missed
llama-3.1-8b · 1×h100-sxm · vLLM 0.33 · continuous batching · quiet · seed 42     (0.812 s wall, 200 s simulated)
SLO       ✓ ttft p99 <= 2 s   got 30 ms
SLO       ✗ e2e mean <= 50 ms   got 130 ms
SLO       ? ttft p999 <= 2 s   got nothing sure: too few samples
Requests  1000 done · 0 rejected · success 100.0 % · 0 preemptions · 5 req/s
Tokens    500 input tokens/s · 55 output tokens/s
Latency               mean       p50       p90       p99       max   samples
 TTFT       (ms)        30        30        30        30        30      1000
 TPOT       (ms)        10        10        10        10        10      1000
 ITL        (ms)        10        10        10        10        10     10000
 E2E        (ms)       130       130       130       130       130      1000
 queue wait (ms)         0         0         0         0         0      1000
Queue     depth mean 0 · p50 0 · p90 0 · p99 0 · max 0 requests waiting, over time
KV cache  mean 4.6 % · p99 7.0 % · peak 7.0 % of 1600 tokens · 0.0 % of used slots empty \
· prefix hits 25.0 % of prompt tokens
GPU       a step runs 65.0 % of the time (not a share of its capacity: tailcast capacity) · 11000 steps \
· 1 requests a step · 7.7 % of peak FLOP/s · 6.1 % of peak memory bandwidth
Users     closed form, (memory - weights) / KV per user: 53.4 users · simulated: mean 0.65, peak 1 running
Why       nothing binds: requests hardly waited for more than the step under way
Fidelity  made up
";
    assert_eq!(report.to_screen(Style::default()), expected);
    let coloured = report.to_screen(Style { colour: true });
    assert!(coloured.contains("\u{1b}[31mSLO missed\u{1b}[0m"));
}

const TOP_LEVEL: [&str; 13] = [
    "schema",
    "tool",
    "scenario_hash",
    "seed",
    "verdict",
    "requests",
    "latency",
    "throughput",
    "queue",
    "kv",
    "gpu",
    "steady_state",
    "memory",
];

const LATENCY: &str = "count mean std min p50 p90 p95 p99 p999 max ci95 model_range";

/// What stands in each object, in this order; more may stand there too.
const INSIDE: [(&str, &str); 18] = [
    (
        "requests",
        "arrived finished rejected timed_out cancelled failed running_at_end waiting_at_end preemptions \
         cut_at_max_model_len",
    ),
    ("latency", "ttft tpot itl e2e queue_wait"),
    ("latency.ttft", LATENCY),
    ("latency.tpot", LATENCY),
    ("latency.itl", LATENCY),
    ("latency.e2e", LATENCY),
    ("latency.queue_wait", LATENCY),
    (
        "throughput",
        "duration_s requests_per_s input_tokens_per_s output_tokens_per_s goodput_per_s",
    ),
    ("queue", "depth running"),
    ("queue.depth", "mean p50 p90 p99 max"),
    ("queue.running", "mean p50 p90 p99 max"),
    (
        "kv",
        "blocks block_tokens usage prefix_hit_tokens prefix_query_tokens prefix_hit_ratio prefix_ideal_hit_tokens \
         prefix_ideal_hit_ratio prefix_lost_to_capacity_tokens prefix_lost_to_order_tokens recomputed_tokens \
         fragmentation",
    ),
    ("kv.fragmentation", "mean at_peak"),
    ("kv.usage", "mean p99 max"),
    (
        "gpu",
        "busy_fraction steps mean_batch model_flops_utilization memory_bandwidth_utilization",
    ),
    (
        "memory",
        "total_bytes weights_bytes activations_bytes overhead_bytes kv_bytes closed_form_users",
    ),
    ("slo", "metric statistic limit_s got_s met"),
    ("constraint", "binding share_of_time first_at_s"),
];

/// The keys of the object at `path` in a pretty-printed document, in the order of the text.
fn keys_at(json: &str, path: &str) -> Vec<String> {
    let (mut stack, mut found): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for line in json.lines() {
        let text = line.trim_start();
        let Some((key, _)) = text.strip_prefix('"').and_then(|it| it.split_once("\": ")) else {
            continue;
        };
        let depth = (line.len() - text.len()) / 2;
        stack.truncate(depth - 1);
        // The objects of a list stand one level deeper than those of a key.
        stack.resize(depth - 1, String::new());
        if stack.join(".").trim_end_matches('.') == path && !found.iter().any(|it| it == key) {
            found.push(key.to_owned());
        }
        stack.push(key.to_owned());
    }
    found
}

/// Every key that scripts rely on stands in its place.
pub(crate) fn assert_contract(json: &str) {
    assert_eq!(keys_at(json, "")[..TOP_LEVEL.len()], TOP_LEVEL);
    for (path, contract) in INSIDE {
        let keys = keys_at(json, path);
        let promised: Vec<&str> = contract.split(' ').collect();
        let kept = keys.iter().filter(|key| promised.contains(&key.as_str()));
        assert!(kept.eq(&promised), "{path}: {keys:?}");
    }
}

#[test]
fn json_has_its_keys_in_order_and_no_number_that_is_none() {
    let empty = Summary::of(&recorder(&[]).finish());
    let mut infinite = Summary::of(&recording(1_000));
    infinite.throughput.requests_per_s = Some(f64::INFINITY);
    infinite.latency.ttft.mean = Some(f64::NAN);
    for summary in &[empty, infinite, Summary::of(&recording(10))] {
        let json = report(summary, &[slo("ttft.p99", 2_000)]).to_json();
        assert!(!json.contains("NaN") && !json.contains("inf"));
        assert_contract(&json);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(value["latency"]["ttft"]["ci95"].is_null(), "a single run");
    }
}

#[test]
fn each_number_stands_under_its_heading() {
    let mut summary = Summary::of(&recording(1_000));
    let ttft = &mut summary.latency.ttft;
    ttft.mean = Some(0.021);
    [ttft.p50, ttft.p90, ttft.p99] = [0.022, 0.023, 0.024].map(Some);
    ttft.max = Some(0.025);
    let depth = &mut summary.queue.depth;
    [depth.p50, depth.p90, depth.p99] = [2, 3, 4].map(Some);
    depth.max = Some(5);
    let screen = report(&summary, &[]).to_screen(Style::default());
    let numbers_of = |label: &str| -> Vec<&str> {
        let line = screen.lines().find(|line| line.trim_start().starts_with(label));
        let is_number = |word: &&str| word.chars().all(|it| it.is_ascii_digit());
        line.unwrap().split_whitespace().filter(is_number).collect()
    };
    assert_eq!(numbers_of("TTFT"), ["21", "22", "23", "24", "25", "1000"]);
    assert_eq!(numbers_of("Queue"), ["0", "2", "3", "4", "5"]);
}

#[test]
fn numbers_of_any_size_stand_apart() {
    let mut summary = Summary::of(&recording(1_000));
    for (count, seconds) in [(20_000_000, 1e3), (u64::MAX, 1e6), (1, 1e15), (20_000_000_000, 1e300)] {
        let ttft = &mut summary.latency.ttft;
        ttft.count = count;
        [ttft.mean, ttft.p50, ttft.p90, ttft.p99, ttft.max] = [Some(seconds); 5];
        let screen = report(&summary, &[]).to_screen(Style::default());
        let table = screen.lines().skip_while(|line| !line.starts_with("Latency")).take(6);
        let rows: Vec<Vec<&str>> = table.map(|line| line.split_whitespace().collect()).collect();
        let columns = rows[0].len();
        assert_eq!(rows[0][1..], ["mean", "p50", "p90", "p99", "max", "samples"]);
        for row in &rows[1..] {
            let name = row.iter().take_while(|word| **word != "(ms)").count();
            assert_eq!(row.len() - name, columns, "{screen}");
        }
        assert_eq!(rows[1].last(), Some(&count.to_string().as_str()), "{screen}");
        let ends = |line: &&str| line.chars().count();
        let widths: Vec<usize> = screen
            .lines()
            .filter(|line| line.contains("(ms)"))
            .map(|line| ends(&line))
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{screen}");
        assert!(screen.lines().all(|line| line.len() < 300), "{screen}");
    }
}

#[test]
fn what_the_cache_and_the_memory_lose_is_said_where_it_is_known() {
    let mut summary = Summary::of(&recording(10));
    assert_eq!(summary.kv.prefix_query_tokens, 1_000, "ten prompts of 100 tokens");
    let screen = |summary: &Summary| report(summary, &[]).to_screen(Style::default());
    let unknown = screen(&summary);
    assert!(unknown.contains(" · prefix hits 25.0 % of prompt tokens\n"));
    assert!(!unknown.contains("Prefixes"));
    assert!(!unknown.contains("again"));
    let kv = &mut summary.kv;
    kv.fragmentation.mean = Some(0.125);
    kv.recomputed_tokens = 77;
    kv.prefix_ideal_hit_tokens = Some(370);
    kv.prefix_ideal_hit_ratio = Some(0.37);
    kv.prefix_lost_to_capacity_tokens = Some(125);
    kv.prefix_lost_to_order_tokens = Some(-5);
    let known = screen(&summary);
    for line in [
        "of 1600 tokens · 12.5 % of used slots empty\n",
        "\nPrefixes  hits 25.0 % of prompt tokens · 37.0 % in a cache without limit: 12.5 % lost to capacity, -0.5 % \
         to order\n",
        " · 0 preemptions (77 tokens computed again) · ",
    ] {
        assert!(known.contains(line), "{known}");
    }
}

#[test]
fn the_reason_names_the_limit_and_how_much_it_mattered() {
    for (binding, words) in [
        (
            Binding::KvCapacity,
            "KV capacity kept requests waiting 25.0 % of the time, first at t = 3 s",
        ),
        (Binding::RequestSlots, "request slots"),
        (Binding::TokenBudget, "token budget"),
        (Binding::BatchUnderWay, "the batch under way 25.0 % of the time"),
        (Binding::Compute, "25.0 % of the GPU's peak"),
        (Binding::Nothing, "nothing binds"),
    ] {
        let mut summary = Summary::of(&recording(10));
        summary.constraint = Constraint {
            binding,
            share_of_time: 0.25,
            first_at_s: Some(3.0),
        };
        let screen = report(&summary, &[]).to_screen(Style::default());
        let why = screen.lines().find(|line| line.starts_with("Why")).unwrap();
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn intervals_of_several_runs_are_pairs() {
    let mut replications = Replications::default();
    for count in [1_000, 1_100] {
        replications.add(recording(count));
    }
    let json = report(&replications.summary().unwrap(), &[]).to_json();
    assert_eq!(keys_at(&json, "latency.e2e.ci95"), ["mean", "p50", "p99"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let latency = &value["latency"]["e2e"];
    let [low, high] = [0, 1].map(|end| latency["ci95"]["mean"][end].as_f64().unwrap());
    let mean = latency["mean"].as_f64().unwrap();
    assert!(low < mean && mean < high, "{low} {mean} {high}");
}

#[test]
fn what_no_number_of_requests_can_judge_is_said_so() {
    let mut summary = Summary::of(&recording(10));
    summary.latency.tpot = LatencySummary::default();
    let warnings = report(&summary, &[slo("tpot.p50", 50), slo("ttft.p99", 50)]).warnings();
    assert!(warnings[0].contains("no response has a time between tokens"));
    assert!(warnings[1].contains("simulate more requests"));
}

#[test]
fn a_growing_queue_is_said_first() {
    let mut recorder = recorder(&[]);
    // Requests arrive every picosecond; one in two is served.
    for id in 0..1_000 {
        recorder.on(time(id), RequestId(id), &Event::Arrived { input_tokens: 1 });
        if id % 2 == 0 {
            recorder.on(
                time(id),
                RequestId(id),
                &Event::Admitted {
                    resumed: false,
                    tokens: 1,
                },
            );
        }
    }
    let report = report(&Summary::of(&recorder.finish()), &[]);
    assert_eq!(report.verdict(), Some(Verdict::Saturated));
    let screen = report.to_screen(Style::default());
    assert!(
        screen.starts_with("WARNING   the queue still grows at the end"),
        "{screen}"
    );
    assert!(screen.contains("500 running at end · 500 waiting at end"), "{screen}");
}

#[test]
fn request_rows_and_timeline_rows_become_csv() {
    let (_, mut log) = quiet_run(1, 200, &[]);
    log.on(time(7), RequestId(1), &Event::Rejected);
    log.on(time(8), RequestId(2), &Event::Arrived { input_tokens: 5 });
    let output = write_requests(Vec::new(), RowForm::Csv, log.rows(), &[]).unwrap();
    let expected = "\
id,arrival_s,scheduled_s,first_token_s,finished_s,input_tokens,output_tokens,cached_tokens,preemptions,outcome,\
priority,ttft_s,tpot_s
0,0.000000000000,0.000000000000,0.030000000000,0.130000000000,100,11,25,0,finished,0,0.030000000000,0.01
1,0.000000000007,,,,,,,0,rejected,,,
2,0.000000000008,,,,5,,,0,waiting,,,
";
    assert_eq!(String::from_utf8(output).unwrap(), expected);

    let mut csv = TimelineRows::new(Vec::new(), RowForm::Csv, TimelineColumns::OfServer);
    csv.extend([TimelineRow {
        at: time(1_500 * MILLISECOND),
        waiting: 3,
        running: 2,
        kv_usage: 0.25,
        kv_usage_max: 0.5,
        waiting_max: 4,
        running_max: 2,
        outstanding: 6,
        ready: 1,
        provisioned: 1,
        wanted: None,
        answered: None,
    }]);
    assert_eq!(
        String::from_utf8(csv.finish().unwrap()).unwrap(),
        "t_s,waiting,running,kv_usage,waiting_max,running_max\n1.5,3,2,0.250000,4,2\n"
    );
}

#[test]
fn a_failed_write_leaves_nothing_and_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    let failing = |writer: &mut dyn Write| {
        writer.write_all(b"half a")?;
        Err(io::Error::other("the disk is full"))
    };
    assert!(write_atomically(&path, failing).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    write_atomically(&path, |writer| writer.write_all(b"old")).unwrap();
    assert!(write_atomically(&path, failing).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    write_atomically(&path, |writer| writer.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
