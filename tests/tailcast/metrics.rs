//! Recorders tell what was said to them: random event streams are looked up instant by instant.

use std::sync::LazyLock;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::engine::{End, Event, Finished, Observer, ServerSettings, StepRun};
use tailcast::hardware::{Arithmetic, AttentionLayers};
use tailcast::kv::KvGrowth;
use tailcast::metrics::{
    Binding, GpuWork, Listeners, Metric, Recorder, RecorderSettings, Recording, Replications, RequestLog, Slo,
    Statistic, Summary, TimelineRow, Trim,
};
use tailcast::policy::{ContinuousSettings, DraftCounts, PolicySettings, Reserve, Response, StaticSettings};
use tailcast::step_time::{Ramp, StepShape};
use tailcast::units::{Span, Time};
use tailcast::workload::RequestId;

pub(crate) const MILLISECOND: u64 = 1_000_000_000;

pub(crate) fn random(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

pub(crate) fn span(picos: u64) -> Span {
    Span::from_picos(picos)
}

pub(crate) fn time(picos: u64) -> Time {
    Time::from_picos(picos)
}

pub(crate) fn close(left: f64, right: f64, relative: f64) -> bool {
    (left - right).abs() <= relative * right.abs() + 1e-12
}

pub(crate) fn slo(name: &str, limit_ms: u64) -> Slo {
    Slo::latency(name, span(limit_ms * MILLISECOND)).unwrap()
}

pub(crate) fn server() -> ServerSettings {
    ServerSettings {
        policy: PolicySettings::Continuous(ContinuousSettings::new(4, 100)),
        kv_blocks: 101,
        block_tokens: 16,
        max_model_len: 1_000,
        kv_groups: None,
    }
}

pub(crate) fn recorder(slos: &[Slo]) -> Recorder {
    Recorder::new(&RecorderSettings {
        pools: Vec::new(),
        server: &server(),
        prefix_caching: true,
        slos,
        step_prices: None,
        gpu_work: Some(GpuWork {
            arithmetic: Arithmetic {
                state_bytes_per_request: 0.0,
                state_flops_per_token: 0.0,
                flops_per_token: 1e11,
                flops_per_sampled_token: 1e11,
                weight_bytes_always: 1e9,
                experts: Vec::new(),
                attention: vec![AttentionLayers {
                    window: None,
                    layers: 1.0,
                    kv_bytes_per_context_token: 1e6,
                    flops_per_pair: 1e9,
                    decode_flops_per_context_token: 1e9,
                    query_heads: 1.0,
                    queries_per_kv_head: 1.0,
                    kv_heads: 1.0,
                    head_dim: 128.0,
                    latent_heads: 0.0,
                }],
            },
            peak_flops_per_s: 1e15,
            peak_bytes_per_s: 1e12,
        }),
        trim: Trim::Nothing,
    })
}

/// One call of an observer, with the time that it is made at.
pub(crate) enum Call {
    On(Time, RequestId, Event),
    Ran(StepRun<'static>),
}

pub(crate) fn play(calls: &[Call], observer: &mut dyn Observer) {
    for call in calls {
        match call {
            Call::On(at, id, event) => observer.on(*at, *id, event),
            Call::Ran(run) => observer.ran(run),
        }
    }
}

/// A small made-up server: runs of steps one after another or with gaps, arrivals during the last step of a run, at
/// most four running.
pub(crate) fn random_calls(random: &mut Xoshiro256PlusPlus) -> Vec<Call> {
    let (mut calls, mut now, mut next_id) = (Vec::new(), 0, 0);
    let (mut waiting, mut running) = (Vec::new(), Vec::new());
    for _ in 0..random.random_range(1..40) {
        if waiting.is_empty() && running.is_empty() {
            now += random.random_range(0..30);
            arrive(&mut calls, now, &mut next_id, &mut waiting);
        }
        while running.len() < 4 && !waiting.is_empty() && (running.is_empty() || random.random_bool(0.7)) {
            let request: (u64, u64) = waiting.remove(0);
            let event = Event::Admitted {
                resumed: false,
                tokens: 10,
            };
            calls.push(Call::On(time(now), RequestId(request.0), event));
            running.push((request.0, request.1, now));
        }
        let run = random_run(random, now, running.len());
        let last_start = now + run.ramp.total(run.steps - 1).picos();
        let end = run.end().picos();
        for at in last_start..=end {
            if random.random_bool(0.15) {
                arrive(&mut calls, at, &mut next_id, &mut waiting);
            }
        }
        // Whether a run is heard of before or after what happens at its end must not matter.
        let ran_first = random.random_bool(0.5);
        if ran_first {
            calls.push(Call::Ran(run));
        }
        running.retain(|&(id, arrival, scheduled)| {
            let keep = random.random_bool(0.6);
            if !keep {
                calls.push(Call::On(time(end), RequestId(id), finished(arrival, scheduled, end)));
            }
            keep
        });
        if !ran_first {
            calls.push(Call::Ran(run));
        }
        now = end;
    }
    calls
}

/// Batches of none to four requests, each of which decodes its tenth token.
static SHAPES: LazyLock<[StepShape; 5]> = LazyLock::new(|| {
    let mut shape = StepShape::default();
    std::array::from_fn(|running| {
        if running > 0 {
            shape.add(9, 1, 10);
        }
        shape
    })
});

fn random_run(random: &mut Xoshiro256PlusPlus, start: u64, running: usize) -> StepRun<'static> {
    const DUE: &[u32] = &[2, 0, 1, 0];
    let ramp = Ramp {
        first: span(random.random_range(1..6)),
        growth: span(random.random_range(0..2)),
        len: 100,
    };
    let steps = random.random_range(1..9);
    StepRun {
        start: time(start),
        steps,
        ramp,
        takes: ramp.total(steps),
        shape: &SHAPES[running],
        streaming: running as u32,
        kv: KvGrowth {
            used: random.random_range(1..60),
            empty: 100,
            fills: DUE.iter().sum(),
            due: DUE,
            phase: random.random_range(0..4),
            ..KvGrowth::constant(0, 0)
        },
    }
}

fn arrive(calls: &mut Vec<Call>, at: u64, next_id: &mut u64, waiting: &mut Vec<(u64, u64)>) {
    calls.push(Call::On(
        time(at),
        RequestId(*next_id),
        Event::Arrived { input_tokens: 10 },
    ));
    waiting.push((*next_id, at));
    *next_id += 1;
}

fn finished(arrival: u64, scheduled: u64, end: u64) -> Event {
    Event::Finished(Finished {
        arrival: time(arrival),
        scheduled: time(scheduled),
        first_token: time(u64::midpoint(scheduled, end)),
        finished: time(end),
        running_at_first_token: 1,
        streamed: true,
        priority: 0,
        input_tokens: 10,
        output_tokens: 3,
        cached_tokens: 4,
        preemptions: 0,
        recomputed_tokens: 0,
        drafts: DraftCounts::default(),
        was_waiting: false,
        end: End::Stop,
    })
}

/// The state after everything that happened at `at`, found by going through all calls.
pub(crate) fn state_at(calls: &[Call], at: u64) -> TimelineRow {
    let mut row = TimelineRow {
        at: time(at),
        waiting: 0,
        running: 0,
        kv_usage: 0.0,
        kv_usage_max: 0.0,
        waiting_max: 0,
        running_max: 0,
        outstanding: 0,
        ready: 1,
        provisioned: 1,
        wanted: None,
        answered: None,
    };
    for call in calls {
        match call {
            Call::On(when, _, event) if when.picos() <= at => match event {
                Event::Arrived { .. } => row.waiting += 1,
                Event::Admitted { .. } => {
                    row.waiting -= 1;
                    row.running += 1;
                }
                Event::Finished(_) => row.running -= 1,
                _ => {}
            },
            Call::On(..) => {}
            Call::Ran(run) => {
                let mut start = run.start.picos();
                for step in 0..run.steps {
                    let end = start + run.ramp.step(step).picos();
                    if (start..end).contains(&at) {
                        row.kv_usage = run.kv.used_at(step) as f64 / 100.0;
                    }
                    start = end;
                }
            }
        }
    }
    (row.waiting_max, row.running_max, row.kv_usage_max) = (row.waiting, row.running, row.kv_usage);
    row.outstanding = row.waiting + row.running;
    row
}

pub(crate) fn end_of(calls: &[Call]) -> u64 {
    let ends = calls.iter().map(|call| match call {
        Call::On(at, ..) => at.picos(),
        Call::Ran(run) => run.end().picos(),
    });
    ends.max().unwrap_or(0)
}

#[test]
fn time_weighted_numbers_agree_with_every_instant_looked_up() {
    let mut random = random(6);
    for _ in 0..300 {
        let calls = random_calls(&mut random);
        let end = end_of(&calls);
        let mut recorder = recorder(&[]);
        play(&calls, &mut recorder);
        let summary = Summary::of(&recorder.finish());
        let Some(Call::On(first, ..)) = calls.first() else {
            continue;
        };
        let instants: Vec<_> = (first.picos()..end).map(|at| state_at(&calls, at)).collect();
        let mean = |value: fn(&TimelineRow) -> f64| instants.iter().map(value).sum::<f64>() / instants.len() as f64;
        assert!(close(
            summary.queue.depth.mean.unwrap(),
            mean(|row| row.waiting.into()),
            1e-9
        ));
        assert!(close(
            summary.queue.running.mean.unwrap(),
            mean(|row| row.running.into()),
            1e-9
        ));
        assert!(close(summary.kv.usage.mean.unwrap(), mean(|row| row.kv_usage), 1e-9));
        let mut waiting: Vec<_> = instants.iter().map(|row| u64::from(row.waiting)).collect();
        waiting.sort_unstable();
        let held = |per_mille: usize| Some(waiting[(waiting.len() * per_mille).div_ceil(1_000) - 1]);
        let depth = &summary.queue.depth;
        assert_eq!([depth.p50, depth.p90, depth.p99], [500, 900, 990].map(held));
        let most_waiting = instants.iter().map(|row| u64::from(row.waiting)).max();
        assert_eq!(summary.queue.depth.max, most_waiting);
        let mut usages: Vec<_> = instants
            .iter()
            .map(|row| (row.kv_usage * 100.0).round() as u64)
            .collect();
        usages.sort_unstable();
        let rank = (usages.len() * 990).div_ceil(1_000) - 1;
        assert!(close(summary.kv.usage.p99.unwrap() * 100.0, usages[rank] as f64, 1e-9));
        assert_eq!(summary.requests.arrived, summary.requests.ends());
        let busy = instants.iter().filter(|row| row.kv_usage > 0.0).count() as f64;
        assert!(close(
            summary.gpu.busy_fraction.unwrap(),
            busy / instants.len() as f64,
            1e-9
        ));
    }
}

/// `count` requests, `gap_ms` apart, each alone: 100 tokens in, a prefill of 30 ms, then ten steps of 10 ms.
pub(crate) fn quiet_run(count: u64, gap_ms: u64, slos: &[Slo]) -> (Recorder, RequestLog) {
    let (mut recorder, mut log) = (recorder(slos), RequestLog::default());
    let mut observer = Listeners(vec![&mut recorder, &mut log]);
    for id in 0..count {
        let arrival = id * gap_ms * MILLISECOND;
        // Each request takes a little longer than the one before, so that quantiles differ.
        let prefill = 30 * MILLISECOND + id * 1_000;
        let mut prompt = StepShape::default();
        prompt.add(0, 100, 100);
        let mut decode = StepShape::default();
        decode.add(100, 1, 101);
        let runs = [(prompt, prefill, 1, 0), (decode, 10 * MILLISECOND, 10, 1)];
        let mut now = arrival;
        let id = RequestId(id);
        observer.on(time(now), id, &Event::Arrived { input_tokens: 100 });
        observer.on(
            time(now),
            id,
            &Event::Admitted {
                resumed: false,
                tokens: 100,
            },
        );
        for (shape, step, steps, streaming) in runs {
            let run = StepRun {
                start: time(now),
                steps,
                ramp: Ramp::single(span(step)),
                takes: span(step * steps),
                shape: &shape,
                streaming,
                kv: KvGrowth::constant(7, 0),
            };
            now = run.end().picos();
            observer.ran(&run);
            if streaming == 0 {
                observer.on(time(now), id, &Event::FirstToken);
            }
        }
        let history = Finished {
            arrival: time(arrival),
            scheduled: time(arrival),
            first_token: time(arrival + prefill),
            finished: time(now),
            running_at_first_token: 1,
            streamed: true,
            priority: 0,
            input_tokens: 100,
            output_tokens: 11,
            cached_tokens: 25,
            preemptions: 0,
            recomputed_tokens: 0,
            drafts: DraftCounts::default(),
            was_waiting: false,
            end: End::Length,
        };
        observer.on(time(now), id, &Event::Finished(history));
    }
    (recorder, log)
}

pub(crate) fn recording(count: u64) -> Recording {
    quiet_run(count, 200, &[]).0.finish()
}

#[test]
fn a_quiet_run_gives_the_numbers_on_paper() {
    let slos = [slo("ttft.p99", 40), slo("tpot.p50", 5)];
    let (recorder, _) = quiet_run(1_000, 200, &slos[..1]);
    let summary = Summary::of(&recorder.finish());
    let latency = &summary.latency;
    assert_eq!(latency.ttft.count, 1_000);
    assert!(close(latency.ttft.min.unwrap(), 0.03, 1e-12));
    assert!(latency.ttft.p99.is_some() && latency.ttft.p999.is_none());
    assert!(close(latency.tpot.p50.unwrap(), 0.01, 1e-12));
    assert_eq!((latency.itl.count, latency.itl.std), (10_000, Some(0.0)));
    assert!(latency.itl.p999.is_some());
    assert_eq!(latency.queue_wait.max, Some(0.0));
    let throughput = &summary.throughput;
    assert!(close(throughput.duration_s, 999.0 * 0.2 + 0.13, 1e-6));
    assert_eq!(throughput.goodput_per_s, throughput.requests_per_s);
    assert_eq!(summary.kv.prefix_hit_ratio, Some(0.25));
    assert_eq!(summary.gpu.steps, 11_000);
    assert_eq!(summary.gpu.mean_batch, Some(1.0));
    assert!(close(summary.gpu.busy_fraction.unwrap(), 0.65, 1e-3));
    // Every 0.2 s: tokens 26 to 110, as many pairs as the sum of their places, 11 sampled tokens.
    let flops = 85.0 * 1e11 + 5_780.0 * 1e9 + 11.0 * 1e11;
    assert!(close(
        summary.gpu.model_flops_utilization.unwrap(),
        flops / 0.2 / 1e15,
        1e-3
    ));
    // Weights in each of 11 steps, and the context: 100 tokens, then 101 to 110.
    let bytes = 11.0 * 1e9 + (100.0 + 1_055.0) * 1e6;
    assert!(close(
        summary.gpu.memory_bandwidth_utilization.unwrap(),
        bytes / 0.2 / 1e12,
        1e-3
    ));
    assert_eq!(summary.constraint.binding, Binding::Nothing);

    let (recorder, _) = quiet_run(100, 200, &slos);
    assert_eq!(Summary::of(&recorder.finish()).throughput.goodput_per_s, Some(0.0));
}

#[test]
fn a_response_sent_as_a_whole_has_no_time_between_tokens() {
    let mut recorder = recorder(&[]);
    let id = RequestId(0);
    recorder.on(time(0), id, &Event::Arrived { input_tokens: 1 });
    recorder.on(
        time(0),
        id,
        &Event::Admitted {
            resumed: false,
            tokens: 1,
        },
    );
    let Event::Finished(history) = finished(0, 0, 50) else {
        unreachable!()
    };
    let whole = Finished {
        first_token: history.finished,
        streamed: false,
        ..history
    };
    recorder.on(time(50), id, &Event::Finished(whole));
    let latency = Summary::of(&recorder.finish()).latency;
    assert_eq!(latency.ttft.mean, latency.e2e.mean);
    assert_eq!((latency.tpot.count, latency.itl.count), (0, 0));
    assert_eq!((latency.tpot.mean, latency.itl.p50), (None, None));
}

#[test]
fn what_keeps_requests_waiting_is_named() {
    let shape = |tokens: u32| {
        let mut shape = StepShape::default();
        shape.add(0, tokens, tokens + 1);
        shape
    };
    for (running, tokens, expected) in [
        (4, 50, Binding::RequestSlots),
        (2, 100, Binding::TokenBudget),
        (2, 50, Binding::KvCapacity),
    ] {
        let mut recorder = recorder(&[]);
        for id in 0..=running {
            recorder.on(time(0), RequestId(id), &Event::Arrived { input_tokens: 1 });
        }
        for id in 0..running {
            recorder.on(
                time(0),
                RequestId(id),
                &Event::Admitted {
                    resumed: false,
                    tokens: 1,
                },
            );
        }
        recorder.ran(&StepRun {
            start: time(0),
            steps: 1,
            ramp: Ramp::single(span(500)),
            takes: span(500),
            shape: &shape(tokens),
            streaming: 0,
            kv: KvGrowth::constant(90, 0),
        });
        let summary = Summary::of(&recorder.finish());
        assert_eq!(summary.constraint.binding, expected);
        assert!(close(summary.constraint.share_of_time, 1.0, 1e-12));
        assert_eq!(summary.constraint.first_at_s, Some(0.0));
    }
}

/// What is said to hold back one waiting request while a static batch of at most four computes `rows` rows, of which
/// `running` still run.
fn held_back_by_batch(rows: u64, running: u64) -> Binding {
    let mut settings = server();
    settings.policy = PolicySettings::Static(StaticSettings {
        max_batch_size: 4,
        max_wait: Span::ZERO,
        response: Response::RowEnd,
        reserve: Reserve::Batch,
    });
    let mut recorder = Recorder::new(&RecorderSettings {
        pools: Vec::new(),
        server: &settings,
        prefix_caching: false,
        slos: &[],
        gpu_work: None,
        step_prices: None,
        trim: Trim::Nothing,
    });
    let mut shape = StepShape::default();
    for _ in 0..rows {
        shape.add(9, 1, 10);
    }
    for id in 0..=running {
        recorder.on(time(0), RequestId(id), &Event::Arrived { input_tokens: 1 });
    }
    for id in 0..running {
        let event = Event::Admitted {
            resumed: false,
            tokens: 1,
        };
        recorder.on(time(0), RequestId(id), &event);
    }
    recorder.ran(&StepRun {
        start: time(0),
        steps: 1,
        ramp: Ramp::single(span(500)),
        takes: span(500),
        shape: &shape,
        streaming: running as u32,
        kv: KvGrowth::constant(9, 0),
    });
    Summary::of(&recorder.finish()).constraint.binding
}

#[test]
fn a_full_batch_is_short_of_places_even_when_rows_have_finished() {
    assert_eq!(held_back_by_batch(4, 4), Binding::RequestSlots);
    assert_eq!(held_back_by_batch(4, 1), Binding::RequestSlots);
    assert_eq!(held_back_by_batch(3, 2), Binding::BatchUnderWay);
}

#[test]
fn replications_pool_and_give_intervals() {
    let mut replications = Replications::default();
    for count in [1_000, 1_100, 1_200] {
        replications.add(recording(count));
    }
    let summary = replications.summary().unwrap();
    assert_eq!(summary.requests.finished, 3_300);
    assert_eq!(summary.latency.ttft.count, 3_300);
    let intervals = summary.latency.ttft.ci95.unwrap();
    let (mean, interval) = (summary.latency.ttft.mean.unwrap(), intervals.mean.unwrap());
    assert!(interval.low < mean && mean < interval.high);
    assert!(intervals.p99.is_some());

    let mut single = Replications::default();
    single.add(recording(10));
    assert_eq!(single.summary().unwrap().latency.ttft.ci95, None);
    assert!(Replications::default().summary().is_none());
}

#[test]
fn every_statistic_and_metric_can_be_asked_for() {
    for metric in Metric::ALL {
        for statistic in Statistic::ALL {
            let name = format!("{}.{}", metric.name(), statistic.name());
            let slo = slo(&name, 1_000);
            let slo = slo.as_latency().unwrap();
            assert_eq!((slo.metric, slo.statistic), (metric, statistic));
        }
    }
}
