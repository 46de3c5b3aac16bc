//! How many servers carry a load together.

use serde::Serialize;

use crate::report::text::numbers::duration;
use crate::study::{LoadKind, ServersRange};
use crate::units::Span;

/// Servers for a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Servers {
    /// The load that they share, in the unit of the capacity.
    pub load: f64,
    /// The same as a rate, if it was asked so [requests/s].
    pub rate_per_s: Option<f64>,
    /// How long users think in the mean, if it is users.
    pub think: Option<Span>,
    /// The fewest; `None` if none are enough.
    pub fewest: Option<u32>,
    /// The fewest if step times are off, where it is known by how much they may be.
    pub range: Option<ServersRange>,
}

#[derive(Serialize)]
pub(in crate::report) struct ServersDocument {
    rate_per_s: Option<f64>,
    fewest: Option<u32>,
    /// What the load is in.
    of: &'static str,
    load: f64,
    think_s: Option<f64>,
    /// The load of one server; of the busiest one, where clients do not divide evenly.
    each: Option<f64>,
    /// The fewest with all steps shorter and with all longer.
    model_range: Option<[Option<u32>; 2]>,
}

impl ServersDocument {
    pub(in crate::report) fn of(servers: &Servers, kind: LoadKind) -> Self {
        Self {
            rate_per_s: servers.rate_per_s,
            fewest: servers.fewest,
            of: kind.name(),
            load: servers.load,
            think_s: servers.think.map(Span::seconds),
            each: servers.fewest.map(|fewest| kind.share(servers.load, fewest)),
            model_range: servers.range.map(|range| [range.if_shorter, range.if_longer]),
        }
    }
}

impl Servers {
    /// GPUs of the fewest servers, each of which has so many.
    pub(in crate::report) fn gpus(&self, of_server: u32) -> Option<u64> {
        self.fewest.map(|fewest| u64::from(fewest) * u64::from(of_server))
    }

    /// The answer in a sentence.
    pub(in crate::report) fn in_words(&self, kind: LoadKind, gpus_of_server: u32) -> String {
        let think = self.think.map_or_else(String::new, |think| {
            format!(" who think {} in the mean", duration(think.seconds()))
        });
        let load = format!("{}{think}", kind.with_unit(self.load));
        let (Some(fewest), Some(gpus)) = (self.fewest, self.gpus(gpus_of_server)) else {
            return format!("no number that was tried is enough for {load}");
        };
        let share = kind.with_unit(kind.share(self.load, fewest));
        let manner = if kind.counts_clients() {
            "at most"
        } else {
            "arriving in the same manner"
        };
        let one_less = if fewest > 1 {
            format!("; {} would miss it", fewest - 1)
        } else {
            String::new()
        };
        let range = self.range.map_or_else(String::new, |range| {
            let number = |fewest: Option<u32>| fewest.map_or_else(|| "none enough".to_owned(), |it| it.to_string());
            let (low, high) = (number(range.if_shorter), number(range.if_longer));
            format!("; [{low}, {high}] if step times are off")
        });
        let servers = if fewest == 1 { "server" } else { "servers" };
        format!("{fewest} {servers} for {load} ({gpus} GPUs): {share} each, {manner}{one_less}{range}")
    }
}
