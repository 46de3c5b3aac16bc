//! The load of one run, for verbs that do not vary it.

use std::path::Path;

use super::scenario::ScenarioFlags;
use crate::cli::failure::Failure;
use crate::config::{Flag, Layers};
use crate::study::Base;

/// Flags that change the scenario, and set how much is asked of the server.
#[derive(Debug, clap::Args)]
pub struct LoadFlags {
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Requests (or sessions) per second of the scenario's arrivals: `--set workload.arrivals.rate=...`
    #[arg(
        long,
        value_name = "PER_SECOND",
        conflicts_with = "concurrency",
        allow_hyphen_values = true
    )]
    rate: Option<String>,
    /// So many clients, each of whom sends a request when the last is answered, in the place of the scenario's arrivals
    #[arg(long, value_name = "CLIENTS", allow_hyphen_values = true)]
    concurrency: Option<String>,
}

impl LoadFlags {
    /// What variations of the scenario start from; `None` stands for the embedded demo.
    pub fn base(&self, file: Option<&Path>) -> Result<Base, Failure> {
        Ok(Base::new(self.layers(file)?, None))
    }

    /// The scenario's file, and what these flags lay over it.
    pub fn layers(&self, file: Option<&Path>) -> Result<Layers, Failure> {
        let mut layers = self.changes.layers(file)?;
        layers.flags.extend(self.flags());
        Ok(layers)
    }

    fn flags(&self) -> Vec<Flag> {
        let rate = self.rate.iter();
        let rate = rate.map(|rate| Flag::new("--rate", format!("workload.arrivals.rate={rate}")));
        let concurrency = self.concurrency.iter().map(|clients| {
            let arrivals = format!("workload.arrivals={{ process = \"closed\", concurrency = {clients} }}");
            Flag::new("--concurrency", arrivals)
        });
        rate.chain(concurrency).collect()
    }
}
