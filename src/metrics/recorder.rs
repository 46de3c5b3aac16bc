//! Listens to one server and adds up.

use super::binding::{AdmissionLimits, BindingTimes};
use super::fragmentation::Fragmentation;
use super::gpu_work::{GpuWork, WorkDone};
use super::kv_usage::KvUsage;
use super::pending::Pending;
use super::population::{Counts, Population};
use super::prefix_hits::PrefixHits;
use super::recording::{KvSize, Recording};
use super::saturation::MetDepths;
use super::slo::{Metric, Slo};
use super::summary::Requests;
use crate::engine::{Event, Finished, Observer, ServerSettings, StepRun};
use crate::policy::DraftCounts;
use crate::stats::Distribution;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// What a [`Recorder`] needs to know beforehand.
pub struct RecorderSettings<'a> {
    /// The server it listens to.
    pub server: &'a ServerSettings,
    /// Whether the server looks prompts up in a prefix cache.
    pub prefix_caching: bool,
    /// What a request has to keep to count for goodput.
    pub slos: &'a [Slo],
    /// What the GPUs do and could do; without it their utilisation stays unknown.
    pub gpu_work: Option<GpuWork>,
}

/// An observer that adds up everything a [`super::Summary`] reports. Its memory grows with the run only where prompts
/// share content, by what they hold.
pub struct Recorder {
    limits: AdmissionLimits,
    /// `None` without a prefix cache.
    prefix: Option<PrefixHits>,
    request_limits: Option<RequestLimits>,
    kv_size: KvSize,

    requests: Requests,
    /// Of requests that have finished, in the order of [`Metric::ALL`].
    latencies: [Pending; Metric::ALL.len()],
    /// Gaps between tokens that are the time of a step, or of several.
    step_gaps: Distribution,
    good_requests: u64,
    input_tokens: u128,
    output_tokens: u128,
    prefix_hit_tokens: u128,
    /// `None` while nothing was drafted.
    drafts: Option<DraftCounts>,
    recomputed_tokens: u128,
    population: Population,
    /// `None` in a closed loop, whose queue cannot grow without end.
    met_depths: Option<MetDepths>,
    first_arrival: Option<Time>,
    last_finish: Option<Time>,

    last_step_end: Time,
    busy_picos: u128,
    steps: u64,
    requests_in_steps: u128,
    kv: KvUsage,
    fragmentation: Fragmentation,
    work_done: Option<WorkDone>,
    bindings: BindingTimes,
}

/// The most that a request's own latencies may be for it to count as good.
#[derive(Clone, Copy, Debug)]
struct RequestLimits {
    ttft: Span,
    tpot: Span,
    e2e: Span,
    queue_wait: Span,
}

impl Recorder {
    /// The same for a closed loop: its queue holds no more than its clients, so whether it grows to the end is no
    /// question.
    #[must_use]
    pub fn of_closed_loop(self) -> Self {
        Self {
            met_depths: None,
            ..self
        }
    }

    /// A recorder for a run that is about to start.
    pub fn new(settings: RecorderSettings<'_>) -> Self {
        let server = settings.server;
        // The null block holds no tokens.
        let usable_blocks = server.kv_blocks - 1;
        let cached_together = server.policy.cached_together(server.block_tokens);
        Self {
            limits: AdmissionLimits::of(&server.policy),
            prefix: settings
                .prefix_caching
                .then(|| PrefixHits::new(cached_together, server.max_model_len)),
            request_limits: RequestLimits::of(settings.slos),
            work_done: settings.gpu_work.map(WorkDone::none_of),
            kv_size: KvSize {
                blocks: server.kv_blocks,
                block_tokens: server.block_tokens,
            },
            requests: Requests::default(),
            latencies: Default::default(),
            step_gaps: Distribution::default(),
            good_requests: 0,
            input_tokens: 0,
            output_tokens: 0,
            prefix_hit_tokens: 0,
            drafts: None,
            recomputed_tokens: 0,
            population: Population::default(),
            met_depths: Some(MetDepths::default()),
            first_arrival: None,
            last_finish: None,
            last_step_end: Time::ZERO,
            busy_picos: 0,
            steps: 0,
            requests_in_steps: 0,
            kv: KvUsage::new(usable_blocks),
            fragmentation: Fragmentation::new(server.block_tokens),
            bindings: BindingTimes::default(),
        }
    }

    /// What was heard. Time-weighted numbers cover the first arrival to whatever was heard last: the last finish, a
    /// later arrival that was rejected or, if the run was stopped before all requests had ended, the last step or
    /// event.
    pub fn finish(mut self) -> Recording {
        let first = self.first_arrival.unwrap_or_default();
        let last_finish = self.last_finish.unwrap_or(first);
        let end = self.last_step_end.max(self.population.last_change());
        let window = end.since(first);
        let idle = u128::from(window.picos()) - self.busy_picos;
        self.kv.pass_idle(Span::from_picos(idle as u64));
        self.count_ends();
        let mut latencies = self.latencies.map(Pending::finish);
        latencies[Metric::Itl as usize].merge(&self.step_gaps);
        let [depth, running] = self.population.finish(end);
        let prefix_query_tokens = match &self.prefix {
            Some(_) => self.input_tokens,
            None => 0,
        };
        Recording {
            requests: self.requests,
            latencies,
            good_requests: self.request_limits.map(|_| self.good_requests),
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            prefix_hit_tokens: self.prefix_hit_tokens,
            prefix_query_tokens,
            drafts: self.drafts,
            prefix_losses: self.prefix.as_ref().and_then(PrefixHits::losses),
            recomputed_tokens: self.recomputed_tokens,
            serving_picos: last_finish.since(first).picos().into(),
            window_picos: window.picos().into(),
            depth,
            running,
            busy_picos: self.busy_picos,
            steps: self.steps,
            requests_in_steps: self.requests_in_steps,
            kv: self.kv,
            fragmentation: self.fragmentation,
            kv_size: self.kv_size,
            utilisation: self.work_done.map(WorkDone::finish),
            bindings: self.bindings,
            saturation: self.met_depths.and_then(|depths| depths.judge()),
        }
    }

    fn count_ends(&mut self) {
        let Counts { waiting, running } = self.population.now();
        self.requests.waiting_at_end = waiting.into();
        self.requests.running_at_end = running.into();
        assert_eq!(
            self.requests.arrived,
            self.requests.ends(),
            "every request must end exactly one way"
        );
    }

    fn arrived(&mut self, at: Time) {
        self.requests.arrived += 1;
        self.first_arrival.get_or_insert(at);
    }

    #[inline(never)]
    fn finished(&mut self, request: &Finished) {
        self.requests.finished += 1;
        self.last_finish = Some(request.finished);
        self.input_tokens += u128::from(request.input_tokens);
        self.output_tokens += u128::from(request.output_tokens);
        self.prefix_hit_tokens += u128::from(request.cached_tokens);
        if request.drafts.drafts > 0 {
            self.drafts.get_or_insert_default().add(&request.drafts);
        }
        self.recomputed_tokens += u128::from(request.recomputed_tokens);
        if let Some(work) = &mut self.work_done {
            work.finished(request);
        }
        let ttft = request.first_token - request.arrival;
        let e2e = request.finished - request.arrival;
        let queue_wait = request.scheduled - request.arrival;
        let tpot = time_per_output_token(request);
        self.record(Metric::Ttft, ttft);
        self.record(Metric::E2e, e2e);
        self.record(Metric::QueueWait, queue_wait);
        if let Some(tpot) = tpot {
            self.record(Metric::Tpot, tpot);
        }
        if let Some(limits) = &self.request_limits {
            // As in `vllm bench serve`, a response without a time between tokens meets any limit on it.
            let good = ttft <= limits.ttft
                && tpot.unwrap_or_default() <= limits.tpot
                && e2e <= limits.e2e
                && queue_wait <= limits.queue_wait;
            self.good_requests += u64::from(good);
        }
    }

    #[inline]
    fn record(&mut self, metric: Metric, span: Span) {
        self.latencies[metric as usize].record(span.picos());
    }
}

impl Observer for Recorder {
    fn sent(&mut self, request: &Request) {
        if let Some(prefix) = &mut self.prefix {
            prefix.sent(request);
        }
    }

    #[inline(always)]
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        if let Some(prefix) = &mut self.prefix {
            prefix.on(id, event);
        }
        match event {
            Event::Arrived { .. } => {
                self.arrived(at);
                if let Some(depths) = &mut self.met_depths {
                    depths.arrived(at, self.population.now().waiting);
                }
                self.population.change(at, Counts::arrive);
            }
            Event::Rejected => {
                self.arrived(at);
                self.population.move_to(at);
                self.requests.rejected += 1;
            }
            Event::Admitted { .. } => self.population.change(at, Counts::admit),
            Event::Preempted => {
                self.requests.preemptions += 1;
                self.population.change(at, Counts::preempt);
            }
            Event::FirstToken => {}
            Event::Token { gap } => self.record(Metric::Itl, *gap),
            Event::Finished(request) => {
                self.population.change(at, |counts| counts.finish(request));
                self.finished(request);
            }
            Event::Aborted { waiting } => {
                self.population.change(at, |counts| counts.leave(*waiting));
                self.requests.timed_out += 1;
            }
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>) {
        assert!(run.start >= self.last_step_end, "a server runs one step at a time");
        let span = run.takes;
        self.last_step_end = run.start + span;
        self.busy_picos += u128::from(span.picos());
        self.steps += run.steps;
        self.requests_in_steps += u128::from(run.shape.sequences) * u128::from(run.steps);
        self.step_gaps.record_progression(
            run.ramp.first.picos(),
            run.ramp.growth.picos(),
            run.steps,
            run.streaming.into(),
        );
        let kv = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
        self.kv.ran(run, &kv);
        if let Some(work) = &mut self.work_done {
            work.ran(run);
        }
        let at_start = self.population.at_start_of_run(run.start);
        self.fragmentation.ran(run, &kv);
        if at_start.waiting > 0 {
            // A copy: the compiler keeps in registers what nobody can point at.
            self.bindings.waited(&self.limits, at_start.running, *run);
        }
    }
}

impl RequestLimits {
    /// The tightest limit on each latency that a single request has, whatever the statistic; `None` without SLOs. A
    /// limit on ITL is left out: gaps are pooled and have no one value per request.
    fn of(slos: &[Slo]) -> Option<Self> {
        let tightest = |metric| {
            let limits = slos.iter().filter(|slo| slo.metric == metric).map(|slo| slo.limit);
            limits.min().unwrap_or(Span::MAX)
        };
        (!slos.is_empty()).then(|| Self {
            ttft: tightest(Metric::Ttft),
            tpot: tightest(Metric::Tpot),
            e2e: tightest(Metric::E2e),
            queue_wait: tightest(Metric::QueueWait),
        })
    }
}

/// (E2E - TTFT) / (output tokens - 1), to the picosecond below; `None` of a single token, or a response sent as a
/// whole.
fn time_per_output_token(request: &Finished) -> Option<Span> {
    let later_tokens = u64::from(request.output_tokens.saturating_sub(1));
    let decoding = request.finished - request.first_token;
    (later_tokens > 0 && request.streamed).then(|| Span::from_picos(decoding.picos() / later_tokens))
}
