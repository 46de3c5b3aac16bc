//! Servers behind a router, one by one: a few sums for each, where the meters of a run are of all together.

use serde::Serialize;

use super::client::{AttemptCounts, FleetEvent};
use super::meter::{Durations, Total, ratio};
use super::meters::ClientTotals;
use super::population::{Counts, CountsAtSteps};
use crate::engine::{Event, ServerChange, ServerId, StepRun};
use crate::units::{Span, Time};

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
    pub router: &'static str,
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
    /// What became of servers in the first run, in the order of time.
    pub events: Vec<EventReport>,
    /// How many more events there were.
    #[serde(skip_serializing_if = "is_none_left_out")]
    pub events_left_out: u64,
    /// Each server, in the order of their numbers.
    pub by_server: Vec<ServerReport>,
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
const fn name_of(change: ServerChange) -> &'static str {
    match change {
        ServerChange::Crashed => "crash",
        ServerChange::Reclaimed => "reclaim",
        ServerChange::Gone => "gone",
        ServerChange::CutOff => "partition",
        ServerChange::Reached => "reached_again",
        ServerChange::Slowed => "slow",
        ServerChange::AsFastAgain => "as_fast_again",
        ServerChange::FoundMissing => "found_missing",
        ServerChange::Back => "back",
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ServerReport {
    /// Its number, from 0.
    pub server: u32,
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

/// A number of requests over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct LevelSummary {
    pub mean: Option<f64>,
    pub max: u32,
}

/// A part of one over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ShareSummary {
    pub mean: Option<f64>,
    pub max: f64,
}

/// What is added up of each server while a fleet runs.
#[derive(Debug)]
pub(super) struct FleetBooks {
    router: &'static str,
    usable_blocks: u32,
    prefix_caching: bool,
    servers: Vec<ServerBook>,
}

/// Sums of one server.
#[derive(Clone, Debug, Default)]
struct ServerBook {
    counts: CountsAtSteps,
    /// When the counts became what they are.
    since: Time,
    sums: ServerSums,
}

/// Sums of one server, of one run or several.
#[derive(Clone, Copy, Debug, Default)]
struct ServerSums {
    attempts: u64,
    finished: u64,
    busy_picos: u128,
    /// [requests * ps].
    waiting: u128,
    running: u128,
    most: Counts,
    /// [blocks * ps].
    used_blocks: u128,
    most_used_blocks: u64,
    hit_tokens: u128,
    prompt_tokens: u128,
}

/// The sums of all servers, of one run or several.
#[derive(Clone, Debug)]
pub(super) struct FleetTotal {
    router: &'static str,
    usable_blocks: u32,
    prefix_caching: bool,
    servers: Vec<ServerSums>,
    /// How long each server was there [ps].
    covered_picos: u128,
}

impl FleetBooks {
    /// Books of so many servers, which are alike.
    pub(super) fn new(servers: u32, router: &'static str, usable_blocks: u32, prefix_caching: bool) -> Self {
        Self {
            router,
            usable_blocks,
            prefix_caching,
            servers: vec![ServerBook::default(); servers as usize],
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
                sums.finished += 1;
                sums.hit_tokens += u128::from(request.cached_tokens);
                sums.prompt_tokens += u128::from(request.input_tokens);
            }
            _ => {}
        }
    }

    /// Steps of a server have ended: how many of its requests waited and ran when they started.
    pub(super) fn ran(&mut self, server: ServerId, run: &StepRun<'_>) -> Counts {
        let book = &mut self.servers[server.place()];
        let over_run = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
        book.sums.busy_picos += u128::from(run.takes.picos());
        book.sums.used_blocks += over_run.used;
        book.sums.most_used_blocks = book.sums.most_used_blocks.max(over_run.last);
        book.counts.ran(run)
    }

    /// The fleet has been watched to its end, `covered_picos` long.
    pub(super) fn finish(self, covered_picos: u128) -> FleetTotal {
        FleetTotal {
            router: self.router,
            usable_blocks: self.usable_blocks,
            prefix_caching: self.prefix_caching,
            servers: self.servers.into_iter().map(|book| book.sums).collect(),
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
        for (mine, theirs) in self.servers.iter_mut().zip(&other.servers) {
            mine.add(theirs);
        }
        self.covered_picos += other.covered_picos;
    }

    pub(super) fn report(&self, client: &ClientTotals, durations: &Durations) -> FleetReport {
        let servers = self.servers.len() as u32;
        let requests = client.requests.section(durations);
        let recovery = client.recovery.section(durations);
        let finished: u64 = self.servers.iter().map(|sums| sums.finished).sum();
        let event = |event: &FleetEvent| EventReport {
            at_s: event.at.seconds(),
            server: event.server.0,
            event: name_of(event.change),
            recovered_after_s: event.recovered_after.map(Span::seconds),
        };
        let by_server = (0..)
            .zip(&self.servers)
            .map(|(server, sums)| self.of_server(server, sums));
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
            router: self.router,
            attempts: client.attempts.section(durations),
            served_in_vain: finished.saturating_sub(requests.finished),
            availability: requests.success,
            faults: recovery.faults,
            unrecovered: recovery.unrecovered,
            time_to_recover_s: recovery.time_to_recover_s,
            events: client.recovery.events.iter().map(event).collect(),
            events_left_out: client.recovery.events_left_out,
            by_server: by_server.collect(),
        }
    }

    fn of_server(&self, server: u32, sums: &ServerSums) -> ServerReport {
        let covered = self.covered_picos as f64;
        let blocks = f64::from(self.usable_blocks.max(1));
        let mean = |integral: u128| ratio(integral as f64, covered);
        ServerReport {
            server,
            attempts: sums.attempts,
            finished: sums.finished,
            busy_fraction: mean(sums.busy_picos),
            waiting: LevelSummary {
                mean: mean(sums.waiting),
                max: sums.most.waiting,
            },
            running: LevelSummary {
                mean: mean(sums.running),
                max: sums.most.running,
            },
            kv_usage: ShareSummary {
                mean: mean(sums.used_blocks).map(|used| used / blocks),
                max: sums.most_used_blocks as f64 / blocks,
            },
            prefix_hit_ratio: ratio(sums.hit_tokens as f64, sums.prompt_tokens as f64).filter(|_| self.prefix_caching),
        }
    }
}

impl ServerSums {
    fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.finished += other.finished;
        self.busy_picos += other.busy_picos;
        self.waiting += other.waiting;
        self.running += other.running;
        self.most = self.most.max(other.most);
        self.used_blocks += other.used_blocks;
        self.most_used_blocks = self.most_used_blocks.max(other.most_used_blocks);
        self.hit_tokens += other.hit_tokens;
        self.prompt_tokens += other.prompt_tokens;
    }
}
