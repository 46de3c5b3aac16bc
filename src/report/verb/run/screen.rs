//! The result on one screen: warnings and the verdict first, then how, how much, how long, and why.

use std::fmt::Write;

use crate::config::on_one_line;
use crate::metrics::{FleetReport, LatencySummary, Metric, PoolReport, SloOutcome, SloResult};
use crate::report::text::line::in_words;
use crate::report::text::numbers::{self, duration, milliseconds, or_unknown, percent};
use crate::report::text::style::{Style, TerminalColour};
use crate::report::text::why::why;
use crate::report::verb::path_budget;
use crate::report::verb::run::cost_lines::cost_lines;
use crate::report::verb::run::report::RunReport;
use crate::stats::{Interval, counted, rounded};
use crate::study::Verdict;

/// Columns of a label at the start of a line.
const LABEL: usize = 10;
/// Columns of a number in the table, the space before it included; more if one of its column needs more.
const NUMBER: usize = 10;

impl RunReport {
    /// The screen, a line break at its end. `-` stands for what too few samples, or nothing at all, is known about.
    pub fn to_screen(&self, style: Style) -> String {
        let mut lines = Vec::new();
        for warning in self.warnings() {
            let warning = format!("WARNING   {}", on_one_line(&warning));
            lines.push(style.paint(TerminalColour::Yellow, &warning));
        }
        lines.push(self.verdict_line(style));
        lines.push(self.header_line());
        for (class, result) in self.all_slo_results() {
            lines.push(labelled("SLO", &slo_line(&result, class, style)));
        }
        let facts = self.facts().into_iter();
        let mut facts = facts.map(|(label, text)| labelled(label, &text));
        // How much comes before how long, and why it is so after it.
        lines.extend(facts.by_ref().take(2));
        lines.extend(self.latency_table());
        let path = self.path.iter().map(|path| path_budget::table(path, &self.summary));
        let tables = path.chain(self.group_tables());
        for table in tables {
            lines.extend(table.to_text().lines().map(str::to_owned));
        }
        lines.extend(facts);
        lines.join("\n") + "\n"
    }

    /// Everything but latencies, each with its label: requests and tokens first.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("Requests", self.requests_line()), ("Tokens", self.tokens_line())];
        facts.extend(self.summary.lines().iter().map(|line| (line.label, in_words(line))));
        if let Some(fleet) = &self.fleet {
            facts.push(("Fleet", fleet_line(fleet)));
            facts.extend(fleet.pools.iter().map(|pool| ("Pool", pool_line(pool, fleet))));
        }
        facts.extend(
            self.path
                .iter()
                .flat_map(|path| path_budget::facts(path, &self.summary)),
        );
        facts.extend(self.cost.iter().flat_map(cost_lines));
        facts.push(("Users", self.users_line()));
        facts.push(("Why", why(&self.summary.constraint)));
        facts.extend(self.fidelity.clone().map(|text| ("Fidelity", text)));
        facts.extend(self.range_error().map(|error| {
            let percent = 100.0 * error;
            let text = format!("latencies with all steps {percent:.0} % shorter and longer");
            ("If off", text)
        }));
        facts
    }

    /// How much shorter and longer steps were for the ranges, if there are any.
    fn range_error(&self) -> Option<f64> {
        self.summary.latency.first_of_answer().1.model_range?;
        self.model_error.as_ref()?.step_time
    }

    fn verdict_line(&self, style: Style) -> String {
        let (colour, text) = self.verdict_in_words();
        labelled("Verdict", &style.paint(colour, text))
    }

    pub(in crate::report) fn verdict_in_words(&self) -> (TerminalColour, &'static str) {
        let Some(verdict) = self.verdict() else {
            return (TerminalColour::Yellow, "none: the run was stopped before its end");
        };
        match verdict {
            Verdict::SloMissed if !self.has_objectives() => (TerminalColour::Red, "too many requests were not served"),
            Verdict::SloMissed => (TerminalColour::Red, "SLO missed"),
            Verdict::Saturated => (TerminalColour::Red, "saturated: the queue grows without end"),
            Verdict::SloUnknown => (TerminalColour::Yellow, "unknown: too few samples to judge the SLOs"),
            Verdict::Ok if !self.has_objectives() => (TerminalColour::Green, "ok (no SLO set)"),
            Verdict::Ok => (TerminalColour::Green, "ok: all SLOs met"),
        }
    }

    fn header_line(&self) -> String {
        let headline = &self.headline;
        let seeds = match headline.replications {
            0 | 1 => format!("seed {}", self.seed),
            runs => format!("{runs} runs from seed {}", self.seed),
        };
        let simulated = format!("{} s simulated", rounded(self.summary.throughput.duration_s));
        let times = match headline.wall {
            Some(wall) => format!("{} s wall, {simulated}", rounded(wall.as_secs_f64())),
            None => simulated,
        };
        let [model, workload] = [&headline.model, &headline.workload].map(|it| on_one_line(it));
        format!(
            "{model} · {} · {} · {} · {workload} · {seeds}     ({times})",
            self.servers(),
            headline.engine,
            headline.policy
        )
    }

    /// How many servers there are, and of which GPUs.
    fn servers(&self) -> String {
        let headline = &self.headline;
        if let Some(pools) = &headline.pools {
            return on_one_line(pools).into_owned();
        }
        let servers = self
            .fleet
            .as_ref()
            .map_or(String::new(), |fleet| match fleet.wanted_mean {
                Some(_) => format!("up to {} of ", counted(fleet.servers, "server")),
                None => format!("{} of ", counted(fleet.servers, "server")),
            });
        format!("{servers}{}×{}", headline.tensor_parallel, on_one_line(&headline.gpu))
    }

    fn requests_line(&self) -> String {
        let requests = &self.summary.requests;
        let mut text = format!("{} done · {} rejected", requests.finished, requests.rejected);
        for (count, name) in [
            (requests.timed_out, "timed out"),
            (requests.cancelled, "cancelled"),
            (requests.failed, "failed"),
            (requests.running_at_end, "running at end"),
            (requests.waiting_at_end, "waiting at end"),
        ] {
            if count > 0 {
                let _ = write!(text, " · {count} {name}");
            }
        }
        let _ = write!(text, " · success {}", or_unknown(requests.success, percent));
        let throughput = &self.summary.throughput;
        let _ = write!(text, " · {} preemptions", requests.preemptions);
        let recomputed = self.summary.kv.recomputed_tokens;
        if recomputed > 0 {
            let _ = write!(text, " ({recomputed} tokens computed again)");
        }
        let _ = write!(text, " · {} req/s", or_unknown(throughput.requests_per_s, rounded));
        if let Some(goodput) = throughput.goodput_per_s {
            let _ = write!(text, " · goodput {} req/s", rounded(goodput));
        }
        text
    }

    fn tokens_line(&self) -> String {
        let throughput = &self.summary.throughput;
        format!(
            "{} input tokens/s · {} output tokens/s",
            or_unknown(throughput.input_tokens_per_s, rounded),
            or_unknown(throughput.output_tokens_per_s, rounded)
        )
    }

    fn latency_table(&self) -> Vec<String> {
        let headings = ["mean", "p50", "p90", "p99", "max", "samples"];
        let mut rows = vec![("Latency", "", headings.map(str::to_owned))];
        for metric in Metric::ALL {
            let (name, latency) = (table_name(metric), self.summary.latency.of(metric));
            let LatencySummary {
                mean,
                p50,
                p90,
                p99,
                max,
                ..
            } = *latency;
            let [mean, p50, p90, p99, max] = [mean, p50, p90, p99, max].map(milliseconds);
            let cells = [mean, p50, p90, p99, max, latency.count.to_string()];
            rows.push((name, "(ms)", cells));
            if let Some(range) = &latency.model_range {
                let of = |one: Option<Interval>| one.map_or_else(|| "-".to_owned(), between);
                let none = String::new;
                let [mean, p50, p99] = [range.mean, range.p50, range.p99].map(of);
                rows.push(("   if off", "", [mean, p50, none(), p99, none(), none()]));
            }
        }
        let width = |column: usize| {
            let cells = rows.iter().map(|(_, _, cells)| cells[column].chars().count());
            cells.max().map_or(NUMBER, |widest| NUMBER.max(widest + 1))
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        let lines = rows.iter().map(|(name, unit, cells)| {
            let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
            let line = format!("{name:<12}{unit:<4}{}", cells.collect::<String>());
            line.trim_end().to_owned()
        });
        lines.collect()
    }

    fn users_line(&self) -> String {
        let running = &self.summary.queue.running;
        let simulated = format!(
            "simulated: mean {}, peak {} running",
            or_unknown(running.mean, rounded),
            or_unknown(running.max, |most| most.to_string())
        );
        match self.memory.closed_form_users {
            Some(users) => format!(
                "closed form, (memory - weights) / KV per user: {} users · {simulated}",
                rounded(users)
            ),
            None => simulated,
        }
    }
}

/// How an objective fared, which may be of the requests of a class only.
pub(in crate::report) fn slo_line(result: &SloResult, class: Option<&str>, style: Style) -> String {
    let (colour, mark) = match result.outcome {
        SloOutcome::Met => (TerminalColour::Green, "✓"),
        SloOutcome::Missed => (TerminalColour::Red, "✗"),
        SloOutcome::Unknown => (TerminalColour::Yellow, "?"),
    };
    let of = class.map_or(String::new(), |class| format!("{class}: "));
    let mut text = format!("{} {of}{}   got ", style.paint(colour, mark), numbers::slo(&result.slo));
    match (result.got, result.outcome) {
        (Some(got), _) => text.push_str(&numbers::with_unit(result.slo.measure().quantity, got)),
        (None, SloOutcome::Missed) => text.push_str("no end: too many requests were not served at all"),
        (None, _) => text.push_str("nothing sure: too few samples"),
    }
    if let Some(interval) = result.ci95 {
        let (low, high) = (duration(interval.low), duration(interval.high));
        let _ = write!(text, " [{low}, {high}]");
    }
    text
}

const fn table_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => " TTFT",
        Metric::Tpot => " TPOT",
        Metric::Itl => " ITL",
        Metric::E2e => " E2E",
        Metric::QueueWait => " queue wait",
        Metric::Path => " path",
        Metric::PathTtft => " path TTFT",
    }
}

fn labelled(label: &str, text: &str) -> String {
    format!("{label:<LABEL$}{text}")
}

/// A range of milliseconds.
fn between(range: Interval) -> String {
    let [low, high] = [range.low, range.high].map(|end| milliseconds(Some(end)));
    format!("{low}–{high}")
}

/// How evenly the servers of a fleet were used.
fn fleet_line(fleet: &FleetReport) -> String {
    let servers = || fleet.by_server.iter();
    let least_and_most = |values: Vec<f64>, shown: fn(f64) -> String| {
        let least = values.iter().copied().reduce(f64::min);
        let most = values.iter().copied().reduce(f64::max);
        format!("{} to {}", or_unknown(least, shown), or_unknown(most, shown))
    };
    let busy = servers().filter_map(|server| server.busy_fraction).collect();
    let waiting = servers().filter_map(|server| server.waiting.mean).collect();
    let longest = servers().map(|server| server.waiting.max).max().unwrap_or(0);
    let mut text = format!(
        "{} behind {} · a server is busy {} of the time · queue of a server mean {}, longest {longest}",
        counted(fleet.servers, "server"),
        fleet.router,
        least_and_most(busy, percent),
        least_and_most(waiting, rounded),
    );
    let hits: Vec<f64> = servers().filter_map(|server| server.prefix_hit_ratio).collect();
    if hits.iter().any(|&ratio| ratio > 0.0) {
        let _ = write!(text, " · prefix hits {}", least_and_most(hits, percent));
    }
    text
}

/// What the servers of a pool did of all that the fleet did.
fn pool_line(pool: &PoolReport, fleet: &FleetReport) -> String {
    let about = &pool.about;
    let sent: u64 = fleet.pools.iter().map(|pool| pool.attempts).sum();
    let share = (sent > 0).then(|| pool.attempts as f64 / sent as f64);
    let servers = counted(about.servers, "server");
    let mut text = format!(
        "{}: {servers} of {}×{} take {} of the requests · {} output tokens/s · a server is busy {} · queue mean {}, \
         longest {} · KV mean {}, peak {}",
        on_one_line(&about.name),
        about.tensor_parallel,
        on_one_line(&about.gpu),
        or_unknown(share, percent),
        or_unknown(pool.output_tokens_per_s, rounded),
        or_unknown(pool.busy_fraction, percent),
        or_unknown(pool.waiting.mean, rounded),
        pool.waiting.max,
        or_unknown(pool.kv_usage.mean, percent),
        percent(pool.kv_usage.max),
    );
    if let Some(hits) = pool.prefix_hit_ratio.filter(|&hits| hits > 0.0) {
        let _ = write!(text, " · prefix hits {}", percent(hits));
    }
    text
}
