//! How many servers carry a load together.

use serde::Serialize;

use crate::metrics::Summary;
use crate::report::text::numbers::{duration, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::{counted, rounded};
use crate::study::{HourOfDay, LoadKind, ServersRange};
use crate::units::Span;

/// Servers for a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Servers {
    /// The load that they share, in the unit of the capacity.
    pub load: f64,
    /// The same as a rate, if it was asked so [requests/s].
    pub rate_per_s: Option<f64>,
    /// How long users think in the mean, if it is users.
    pub think: Option<Span>,
    /// The fewest; `None` if none are enough.
    pub fewest: Option<u32>,
    /// The router behind which they were simulated together; `None` if each was by itself, at an equal share.
    pub router: Option<String>,
    /// What the clients of one server less would see; `None` of no server, or if each was simulated by itself.
    pub one_less: Option<Summary>,
    /// The fewest if step times are off, where it is known by how much they may be.
    pub range: Option<ServersRange>,
    /// The fewest in each hour of the day; empty if that was not asked.
    pub by_hour: Vec<HourOfDay>,
}

#[derive(Serialize)]
pub(in crate::report) struct ServersDocument<'a> {
    rate_per_s: Option<f64>,
    fewest: Option<u32>,
    /// What the load is in.
    of: &'static str,
    load: f64,
    think_s: Option<f64>,
    /// The fewest with which all is well though one of them is down: one more.
    fewest_with_one_down: Option<u32>,
    /// The router that they stand behind; `None` if each was simulated by itself, at an equal share.
    router: Option<&'a str>,
    /// What the clients of the fewest see while one is down.
    with_one_down: Option<&'a Summary>,
    /// The load of one server; of the busiest one, where clients do not divide evenly.
    each: Option<f64>,
    /// The fewest with all steps shorter and with all longer.
    model_range: Option<[Option<u32>; 2]>,
    /// The fewest for the highest rate in each hour of the day; only where it was asked.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    by_hour: &'a [HourOfDay],
}

impl<'a> ServersDocument<'a> {
    pub(in crate::report) fn of(servers: &'a Servers, kind: LoadKind) -> Self {
        Self {
            rate_per_s: servers.rate_per_s,
            fewest: servers.fewest,
            of: kind.name(),
            load: servers.load,
            think_s: servers.think.map(Span::seconds),
            fewest_with_one_down: servers.fewest.map(|fewest| fewest + 1),
            router: servers.router.as_deref(),
            with_one_down: servers.one_less.as_ref(),
            each: servers.fewest.map(|fewest| kind.share(servers.load, fewest)),
            model_range: servers.range.map(|range| [range.if_shorter, range.if_longer]),
            by_hour: &servers.by_hour,
        }
    }
}

impl Servers {
    /// What the servers of each hour come to, if that was asked.
    pub(in crate::report) fn hours_in_words(&self) -> Option<String> {
        let fewest: Option<Vec<u32>> = self.by_hour.iter().map(|hour| hour.fewest).collect();
        let Some(fewest) = fewest else {
            return Some("no number that was tried is enough for every hour".to_owned());
        };
        let most = fewest.iter().copied().max()?;
        let server_hours = fewest.iter().copied().map(u64::from).sum::<u64>();
        let throughout = u64::from(most) * fewest.len() as u64;
        let saved = 1.0 - server_hours as f64 / throughout.max(1) as f64;
        Some(format!(
            "{server_hours} server-hours if each hour has what its busiest moment needs, {} less than {most} \
             throughout",
            percent(saved)
        ))
    }

    /// The servers of each hour.
    pub(in crate::report) fn hours_table(&self) -> Table {
        let rows = self.by_hour.iter().map(|hour| {
            vec![
                Cell::words(format!("{:02}:00", hour.hour)),
                Cell::number(Some(hour.rate_per_s), rounded),
                Cell::number(hour.fewest.map(f64::from), |it| format!("{it:.0}")),
            ]
        });
        Table {
            caption: String::new(),
            columns: vec![
                Column::words("hour"),
                Column::numbers("req/s at most"),
                Column::numbers("servers"),
            ],
            rows: rows.collect(),
        }
    }

    /// GPUs of the fewest servers, each of which has so many.
    pub(in crate::report) fn gpus(&self, of_server: u32) -> Option<u64> {
        self.fewest.map(|fewest| u64::from(fewest) * u64::from(of_server))
    }

    /// The answer in a sentence; `misses` says what a run misses that is not good enough.
    pub(in crate::report) fn in_words(
        &self,
        kind: LoadKind,
        gpus_of_server: u32,
        misses: impl Fn(&Summary) -> String,
    ) -> String {
        let think = self.think.map_or_else(String::new, |think| {
            format!(" who think {} in the mean", duration(think.seconds()))
        });
        let load = format!("{}{think}", kind.with_unit(self.load));
        let (Some(fewest), Some(gpus)) = (self.fewest, self.gpus(gpus_of_server)) else {
            return format!("no number that was tried is enough for {load}");
        };
        let share = kind.with_unit(kind.share(self.load, fewest));
        let how = match (&self.router, kind.counts_clients()) {
            (Some(_), _) if fewest == 1 => String::new(),
            (Some(router), _) => format!(" behind {router}"),
            (None, true) => format!(": {share} each, at most"),
            (None, false) => format!(": {share} each, arriving in the same manner"),
        };
        let one_less = match &self.one_less {
            Some(summary) => format!("; while one is down, {}", misses(summary)),
            None if fewest > 1 => format!("; {} would miss it", fewest - 1),
            None => String::new(),
        };
        let one_down = format!("; {} if one may be down", fewest + 1);
        let range = self.range.map_or_else(String::new, |range| {
            let number = |fewest: Option<u32>| fewest.map_or_else(|| "none enough".to_owned(), |it| it.to_string());
            let (low, high) = (number(range.if_shorter), number(range.if_longer));
            format!("; [{low}, {high}] if step times are off")
        });
        let (servers, gpus) = (counted(fewest, "server"), counted(gpus, "GPU"));
        format!("{servers} for {load} ({gpus}){how}{one_less}{one_down}{range}")
    }
}
