//! What a recording says of single requests, and what several recordings say together.

use tailcast::engine::{End, Event, Finished, Observer, StepRun};
use tailcast::kv::KvGrowth;
use tailcast::metrics::{
    Binding, Recorder, RecorderSettings, Recording, Replications, RequestLog, Slo, SloOutcome, Summary, Trim,
};
use tailcast::policy::DraftCounts;
use tailcast::step_time::{Ramp, StepShape};
use tailcast::workload::RequestId;

use crate::metrics::{MILLISECOND, close, quiet_run, recorder, recording, server, slo, span, time};

/// A request that waits 10 ms, has its first token after 40 ms and then one every 10 ms: TPOT 10 ms, E2E 140 ms.
fn history() -> Finished {
    let at = |milliseconds| time(milliseconds * MILLISECOND);
    Finished {
        arrival: at(0),
        scheduled: at(10),
        first_token: at(40),
        finished: at(140),
        running_at_first_token: 1,
        streamed: true,
        priority: 0,
        input_tokens: 100,
        output_tokens: 11,
        cached_tokens: 0,
        preemptions: 1,
        recomputed_tokens: 0,
        drafts: DraftCounts::default(),
        was_waiting: false,
        end: End::Stop,
    }
}

fn play(observer: &mut dyn Observer) {
    let id = RequestId(0);
    let admitted = |resumed| Event::Admitted { resumed, tokens: 100 };
    let at = |milliseconds| time(milliseconds * MILLISECOND);
    observer.on(at(0), id, &Event::Arrived { input_tokens: 100 });
    observer.on(at(10), id, &admitted(false));
    observer.on(at(20), id, &Event::Preempted);
    observer.on(at(20), id, &admitted(true));
    observer.on(at(140), id, &Event::Finished(history()));
}

/// Whether the request counts for goodput.
fn is_good(slos: &[Slo]) -> bool {
    let mut recorder = recorder(slos);
    play(&mut recorder);
    Summary::of(&recorder.finish()).throughput.goodput_per_s > Some(0.0)
}

#[test]
fn a_request_is_good_if_it_keeps_the_tightest_limit_on_each_of_its_latencies() {
    for (name, milliseconds) in [("ttft", 40), ("tpot", 10), ("e2e", 140), ("queue_wait", 10)] {
        let limit = |statistic, limit_ms| slo(&format!("{name}.{statistic}"), limit_ms);
        assert!(is_good(&[limit("p99", milliseconds)]), "{name}");
        assert!(!is_good(&[limit("p99", milliseconds - 1)]), "{name}");
        let both = [limit("p99", 1_000), limit("p50", milliseconds - 1)];
        assert!(!is_good(&both), "{name}");
    }
    assert!(is_good(&[slo("itl.max", 1)]), "gaps are pooled");
}

#[test]
fn a_limit_is_met_by_what_is_just_as_long() {
    let summary = Summary::of(&recording(10));
    let outcome = |limit| Slo::latency("itl.max", span(limit)).unwrap().judge(&summary).outcome;
    assert_eq!(outcome(10 * MILLISECOND), SloOutcome::Met);
    assert_eq!(outcome(10 * MILLISECOND - 1), SloOutcome::Missed);
}

#[test]
fn a_rejection_after_the_last_finish_lengthens_the_window_but_not_the_service() {
    let (mut recorder, _) = quiet_run(10, 200, &[]);
    let end = time(3_800 * MILLISECOND);
    recorder.on(end, RequestId(10), &Event::Rejected);
    let summary = Summary::of(&recorder.finish());
    assert!(close(summary.throughput.duration_s, 1.93, 1e-6));
    assert!(close(summary.gpu.busy_fraction.unwrap(), 1.3 / 3.8, 1e-6));
    assert!(close(summary.queue.running.mean.unwrap(), 1.3 / 3.8, 1e-6));
}

#[test]
fn without_a_cache_nothing_is_looked_up() {
    let server = server();
    let mut recorder = Recorder::new(&RecorderSettings {
        pools: Vec::new(),
        server: &server,
        prefix_caching: false,
        slos: &[],
        gpu_work: None,
        step_prices: None,
        trim: Trim::Nothing,
    });
    play(&mut recorder);
    let summary = Summary::of(&recorder.finish());
    assert_eq!(summary.kv.prefix_query_tokens, 0);
    assert_eq!(summary.kv.prefix_hit_ratio, None);
    assert_eq!(summary.gpu.model_flops_utilization, None);
    assert_eq!(summary.throughput.goodput_per_s, None);
}

#[test]
fn a_row_says_how_often_its_request_was_preempted() {
    let mut log = RequestLog::default();
    play(&mut log);
    let row = log.rows().next().unwrap();
    assert_eq!((row.preemptions, row.scheduled), (1, Some(time(10 * MILLISECOND))));
}

/// Four requests at work and three waiting for a second, on 40 of 100 blocks; none ends.
fn crowded(slos: &[Slo]) -> Recording {
    let mut recorder = recorder(slos);
    for id in 0..7 {
        recorder.on(time(0), RequestId(id), &Event::Arrived { input_tokens: 9 });
    }
    let mut shape = StepShape::default();
    for id in 0..4 {
        let event = Event::Admitted {
            resumed: false,
            tokens: 9,
        };
        recorder.on(time(0), RequestId(id), &event);
        shape.add(99, 1, 100);
    }
    let second = span(1_000 * MILLISECOND);
    recorder.ran(&StepRun {
        start: time(0),
        steps: 1,
        ramp: Ramp::single(second),
        takes: second,
        shape: &shape,
        streaming: 0,
        kv: KvGrowth::constant(40, 0),
    });
    recorder.finish()
}

#[test]
fn a_pool_has_the_sums_and_the_extremes_of_its_runs() {
    let slos = [slo("ttft.p99", 1_000)];
    let quiet = || quiet_run(10, 200, &slos).0.finish();
    for crowded_first in [true, false] {
        let mut runs = vec![quiet(), quiet()];
        runs.insert(if crowded_first { 0 } else { 2 }, crowded(&slos));
        let mut pool = Replications::default();
        for run in runs {
            pool.add(run);
        }
        let summary = pool.summary().unwrap();
        // Twice ten requests in 1.93 s, of which 1.3 s busy; then one busy second.
        assert!(close(summary.throughput.duration_s, 2.0 * 1.93, 1e-6));
        let good = summary.throughput.goodput_per_s.unwrap();
        assert!(close(good, 20.0 / 3.86, 1e-6), "{good}");
        let window = 3.86 + 1.0;
        assert!(close(summary.gpu.busy_fraction.unwrap(), 3.6 / window, 1e-6));
        let bytes = 20.0 * (11.0 * 1e9 + 1_155.0 * 1e6) + 1e9 + 400.0 * 1e6;
        let bandwidth = summary.gpu.memory_bandwidth_utilization.unwrap();
        assert!(close(bandwidth, bytes / window / 1e12, 1e-6), "{bandwidth}");
        assert_eq!(summary.kv.usage.max, Some(0.4));
        assert_eq!(summary.queue.running.max, Some(4));
        assert_eq!(summary.queue.depth.max, Some(3));
        assert_eq!(summary.constraint.binding, Binding::RequestSlots);
        assert!(close(summary.constraint.share_of_time, 1.0 / window, 1e-6));
        assert_eq!(summary.requests.running_at_end, 4);
    }
}

#[test]
fn each_statistic_has_its_own_interval() {
    let mut replications = Replications::default();
    for count in [1_000, 1_100, 1_200] {
        replications.add(recording(count));
    }
    let summary = replications.summary().unwrap();
    let intervals = summary.latency.ttft.ci95.unwrap();
    let (median, tail) = (intervals.p50.unwrap(), intervals.p99.unwrap());
    // Prefills grow from request to request, by so much that the two do not even touch.
    assert!(tail.low > median.high, "{median:?} {tail:?}");
    for (name, interval) in [
        ("ttft.mean", intervals.mean),
        ("ttft.p50", intervals.p50),
        ("ttft.p99", intervals.p99),
        ("ttft.p90", None),
    ] {
        assert_eq!(slo(name, 50).judge(&summary).ci95, interval, "{name}");
    }
}
