//! Servers behind a router, one by one: a few sums for each, where the meters of a run are of all together.

use serde::Serialize;

use super::client::{AttemptCounts, FleetEvent};
use super::fleet_pool::{PoolBook, PoolKind, PoolReport, PoolTotal, bytes, flops};
use super::meter::{Durations, StartOfSteps, Total, ratio};
use super::meters::ClientTotals;
use super::population::CountsAtSteps;
use super::recorder_settings::RecorderSettings;
use super::server_sums::{LevelSummary, ServerSums, ShareSummary};
use crate::engine::{Event, ServerChange, ServerId, StepRun};
use crate::units::{PICOS_PER_SECOND, Span, Time};

/// The servers of a fleet and what each did, as JSON shows them. Requests are counted from the start of the run to its
/// end, whatever is left out of latencies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetReport {
    /// How many servers there are.
    pub servers: u32,
    /// How many of them took requests.
    pub ready: ReadyServers,
    /// How many of them were there, ready or not.
    pub provisioned: ReadyServers,
    /// The mean number that an autoscaler's rule asked for each time it looked; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_mean: Option<f64>,
    /// The router in front of them.
    pub router: String,
    /// How often requests were sent, and what became of attempts that were not answered.
    #[serde(flatten)]
    pub attempts: AttemptCounts,
    /// Answers of servers that nobody waited for any more.
    pub served_in_vain: u64,
    /// The share of the requests that have ended that were answered; `None` if none has ended.
    pub availability: Option<f64>,
    /// How many failures there were, after how many of them as many requests were outstanding to the end as before, and
    /// the longest that it took to recover from one; `None` if there was none or one was not recovered from.
    pub faults: u64,
    /// After how many of them more requests were outstanding to the end than before.
    pub unrecovered: u64,
    /// The longest time from a failure until, with the server well again, no more requests were outstanding than in the
    /// minute before.
    pub time_to_recover_s: Option<f64>,
    /// How often a server was started, by an autoscaler or after a failure.
    #[serde(skip)]
    pub starts: u64,
    /// How long servers were there in each hour of the day, all together [s].
    #[serde(skip)]
    pub provisioned_by_hour: [f64; 24],
    /// What became of servers in the first run, in the order of time.
    pub events: Vec<EventReport>,
    /// How many more events there were.
    #[serde(skip_serializing_if = "is_none_left_out")]
    pub events_left_out: u64,
    /// Each server, in the order of their numbers.
    pub by_server: Vec<ServerReport>,
    /// Servers that are alike, each kind together; none if all are alike. They stand in the result with what else is
    /// known of each.
    #[serde(skip)]
    pub pools: Vec<PoolReport>,
}

/// Something that became of a server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct EventReport {
    pub at_s: f64,
    pub server: u32,
    pub event: &'static str,
    /// Of a failure, how long it took to recover from it; `None` if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_after_s: Option<f64>,
}

/// The name of what becomes of a server, in results.
pub const fn name_of_change(change: ServerChange) -> &'static str {
    match change {
        ServerChange::Crashed => "crash",
        ServerChange::Reclaimed => "reclaim",
        ServerChange::Gone => "gone",
        ServerChange::CutOff => "partition",
        ServerChange::Reached => "reached_again",
        ServerChange::Slowed => "slow",
        ServerChange::AsFastAgain => "as_fast_again",
        ServerChange::OutOfMemory => "out_of_memory",
        ServerChange::BreakerClosed => "breaker_closed",
        ServerChange::FoundMissing => "found_missing",
        ServerChange::Back => "back",
        ServerChange::Warming => "warming",
        ServerChange::Warm => "warm",
        ServerChange::Starting => "starting",
        ServerChange::Started => "started",
        ServerChange::Draining => "draining",
        ServerChange::Stopped => "stopped",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_none_left_out(count: &u64) -> bool {
    *count == 0
}

/// How many servers there were, over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ReadyServers {
    pub mean: f64,
    pub min: u32,
    pub max: u32,
}

/// What one server of a fleet did, from the first arrival in the fleet to the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ServerReport {
    /// Its number, from 0.
    pub server: u32,
    /// The name of its pool; `None` if all servers are alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Requests that were sent to it.
    pub attempts: u64,
    pub finished: u64,
    pub busy_fraction: Option<f64>,
    pub waiting: LevelSummary,
    pub running: LevelSummary,
    /// Used blocks as a fraction of those that can hold tokens.
    pub kv_usage: ShareSummary,
    /// Prompt tokens of finished requests that were found in its prefix cache, of all their prompt tokens.
    pub prefix_hit_ratio: Option<f64>,
}

/// What is added up of each server while a fleet runs.
pub(super) struct FleetBooks {
    router: String,
    pools: Vec<PoolBook>,
    servers: Vec<ServerBook>,
}

/// Sums of one server.
#[derive(Clone, Debug, Default)]
struct ServerBook {
    /// The place of its pool.
    pool: usize,
    counts: CountsAtSteps,
    /// When the counts became what they are.
    since: Time,
    sums: ServerSums,
}

/// The sums of all servers, of one run or several.
#[derive(Clone, Debug)]
pub(super) struct FleetTotal {
    router: String,
    pools: Vec<PoolTotal>,
    /// Each with the place of its pool.
    servers: Vec<(usize, ServerSums)>,
    /// How long each server was there [ps].
    covered_picos: u128,
}

impl FleetBooks {
    /// Books of so many servers, in pools if there are any.
    pub(super) fn new(servers: u32, router: String, settings: &RecorderSettings<'_>) -> Self {
        let book = |pool| ServerBook {
            pool,
            ..ServerBook::default()
        };
        if settings.pools.is_empty() {
            let alike = PoolKind {
                about: None,
                usable_blocks: settings.server.kv_blocks - 1,
                prefix_caching: settings.prefix_caching,
                max_model_len: settings.server.max_model_len,
            };
            return Self {
                router,
                pools: vec![PoolBook::of_all(alike)],
                servers: vec![book(0); servers as usize],
            };
        }
        let of_pool = |(place, servers): (usize, u32)| vec![book(place); servers as usize];
        let sizes = settings.pools.iter().map(|pool| pool.about.servers);
        Self {
            router,
            pools: settings.pools.iter().map(PoolBook::of).collect(),
            servers: sizes.enumerate().flat_map(of_pool).collect(),
        }
    }

    /// When the latest step on any of them ended.
    pub(super) fn last_step_end(&self) -> Time {
        let ends = self.servers.iter().map(|book| book.counts.last_step_end());
        ends.max().unwrap_or_default()
    }

    pub(super) fn on(&mut self, server: ServerId, at: Time, event: &Event) {
        let book = &mut self.servers[server.place()];
        book.hold_until(at);
        book.counts.hear(at, event);
        let sums = &mut book.sums;
        match event {
            Event::Arrived { .. } => sums.attempts += 1,
            Event::Finished(request) => {
                let pool = &mut self.pools[book.pool];
                pool.finished(request);
                let tokens = request.input_tokens + request.output_tokens;
                sums.finished += 1;
                sums.reached_max_model_len += u64::from(tokens >= pool.kind().max_model_len);
                sums.hit_tokens += u128::from(request.cached_tokens);
                sums.prompt_tokens += u128::from(request.input_tokens);
                sums.output_tokens += u128::from(request.output_tokens);
            }
            _ => {}
        }
    }

    /// Steps of a server have ended, which it started so.
    pub(super) fn ran(&mut self, server: ServerId, run: &StepRun<'_>) -> StartOfSteps {
        let book = &mut self.servers[server.place()];
        let over_run = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
        book.sums.busy_picos += u128::from(run.takes.picos());
        book.sums.used_blocks += over_run.used;
        book.sums.most_used_blocks = book.sums.most_used_blocks.max(over_run.most);
        self.pools[book.pool].ran(run);
        StartOfSteps {
            counts: book.counts.ran(run),
            pool: book.pool,
        }
    }

    /// The fleet has been watched to its end, `covered_picos` long.
    pub(super) fn finish(self, covered_picos: u128) -> FleetTotal {
        FleetTotal {
            router: self.router.clone(),
            pools: self.pools.into_iter().map(PoolBook::finish).collect(),
            servers: self.servers.into_iter().map(|book| (book.pool, book.sums)).collect(),
            covered_picos,
        }
    }
}

impl ServerBook {
    fn hold_until(&mut self, at: Time) {
        let picos = u128::from(at.since(self.since).picos());
        let counts = self.counts.now();
        if picos > 0 {
            self.sums.waiting += u128::from(counts.waiting) * picos;
            self.sums.running += u128::from(counts.running) * picos;
            self.sums.most = self.sums.most.max(counts);
        }
        self.since = at;
    }
}

impl FleetTotal {
    pub(super) fn pool(&mut self, other: &Self) {
        for ((_, mine), (_, theirs)) in self.servers.iter_mut().zip(&other.servers) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.pools.iter_mut().zip(&other.pools) {
            mine.merge(theirs);
        }
        self.covered_picos += other.covered_picos;
    }

    pub(super) fn report(&self, client: &ClientTotals, durations: &Durations) -> FleetReport {
        let servers = self.servers.len() as u32;
        let requests = client.requests.section(durations);
        let recovery = client.recovery.section(durations);
        let finished: u64 = self.servers.iter().map(|(_, sums)| sums.finished).sum();
        let event = |event: &FleetEvent| EventReport {
            at_s: event.at.seconds(),
            server: event.server.0,
            event: name_of_change(event.change),
            recovered_after_s: event.recovered_after.map(Span::seconds),
        };
        let by_server = (0..)
            .zip(&self.servers)
            .map(|(server, (pool, sums))| self.of_server(server, &self.pools[*pool].kind, sums));
        FleetReport {
            servers,
            ready: ReadyServers {
                mean: recovery.ready_mean.unwrap_or_else(|| recovery.ready_max.into()),
                min: recovery.ready_min,
                max: recovery.ready_max,
            },
            provisioned: ReadyServers {
                mean: recovery
                    .provisioned_mean
                    .unwrap_or_else(|| recovery.provisioned_max.into()),
                min: recovery.provisioned_min,
                max: recovery.provisioned_max,
            },
            wanted_mean: recovery.wanted_mean,
            router: self.router.clone(),
            attempts: client.attempts.section(durations),
            served_in_vain: finished.saturating_sub(requests.finished),
            availability: requests.success,
            faults: recovery.faults,
            unrecovered: recovery.unrecovered,
            time_to_recover_s: recovery.time_to_recover_s,
            starts: recovery.starts,
            provisioned_by_hour: recovery.provisioned_by_hour,
            events: client.recovery.events.iter().map(event).collect(),
            events_left_out: client.recovery.events_left_out,
            by_server: by_server.collect(),
            pools: self.of_pools(),
        }
    }

    fn of_server(&self, server: u32, kind: &PoolKind, sums: &ServerSums) -> ServerReport {
        let covered = self.covered_picos as f64;
        ServerReport {
            server,
            pool: kind.about.as_ref().map(|about| about.name.clone()),
            attempts: sums.attempts,
            finished: sums.finished,
            busy_fraction: sums.busy_fraction(covered),
            waiting: sums.waiting(covered),
            running: sums.running(covered),
            kv_usage: kind.kv_usage(sums, covered),
            prefix_hit_ratio: kind.prefix_hit_ratio(sums),
        }
    }

    fn of_pools(&self) -> Vec<PoolReport> {
        let pools = self.pools.iter().enumerate();
        let reports = pools.filter_map(|(place, pool)| {
            let of_it = self.servers.iter().filter(|(other, _)| *other == place);
            let sums: Vec<&ServerSums> = of_it.map(|(_, sums)| sums).collect();
            pool.report(&sums, self.covered_picos)
        });
        reports.collect()
    }

    /// What is known of unlike servers together; `None` if they are alike.
    pub(super) fn unlike(&self) -> Option<UnlikeTotal> {
        if self.pools.len() < 2 {
            return None;
        }
        let covered_s = self.covered_picos as f64 / PICOS_PER_SECOND as f64;
        let used = |of: fn(&PoolTotal) -> Option<(f64, f64)>| {
            let both: Option<Vec<(f64, f64)>> = self.pools.iter().map(of).collect();
            let (done, possible_per_s) = both?.into_iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
            ratio(done, possible_per_s * covered_s)
        };
        let caching = self
            .servers
            .iter()
            .filter(|(pool, _)| self.pools[*pool].kind.prefix_caching);
        let mut cached = ServerSums::default();
        for (_, sums) in caching {
            cached.add(sums);
        }
        Some(UnlikeTotal {
            model_flops_utilization: used(flops),
            memory_bandwidth_utilization: used(bytes),
            hit_tokens: cached.hit_tokens as u64,
            query_tokens: cached.prompt_tokens as u64,
        })
    }
}

/// What can be said of servers together that are unlike, whoever of them counts what.
pub(super) struct UnlikeTotal {
    /// Operations that answers needed over those that all GPUs could have done.
    pub(super) model_flops_utilization: Option<f64>,
    /// Bytes that steps read over those that all GPUs could have read.
    pub(super) memory_bandwidth_utilization: Option<f64>,
    /// Prompt tokens of answers that were found in a prefix cache.
    pub(super) hit_tokens: u64,
    /// Prompt tokens of answers from servers that have a prefix cache.
    pub(super) query_tokens: u64,
}
