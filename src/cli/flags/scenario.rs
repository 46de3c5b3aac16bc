//! The flags that every verb on a scenario has, and the scenario they amount to.

use std::path::Path;

use super::server_flags::ServerFlags;
use crate::cli::failure::Failure;
use crate::config::{Diagnostic, Flag, Layers};
use crate::metrics::Slo;
use crate::study::Base;

/// Flags that change the scenario.
#[derive(Debug, clap::Args)]
pub struct ScenarioFlags {
    /// Set a key of the scenario, such as `batching.max_num_seqs=64`; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// What all randomness grows from: the same seed gives the same results
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    seed: Option<String>,
    /// An objective, such as 'ttft.p99<2s' or 'success>=99.9%', beside the scenario's own (or in the place of one on
    /// the same statistic); `--set 'slo={}'` drops those
    #[arg(long, value_name = "OBJECTIVE")]
    slo: Vec<String>,
    /// What of a run is left out of latencies, throughput and queue depths: auto, none, or its first part, such as 30s
    #[arg(long, value_name = "TIME")]
    warm_up: Option<String>,
    /// So many requests are sent: `--set workload.requests=...`
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    requests: Option<String>,
    /// Leave out rows of a trace that cannot be read, and say how many
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl ScenarioFlags {
    /// What variations of the scenario start from; `None` stands for the embedded demo.
    pub fn base(&self, file: Option<&Path>) -> Result<Base, Failure> {
        Ok(Base::new(self.layers(file)?, None))
    }

    /// The scenario's file, and what these flags lay over it.
    pub fn layers(&self, file: Option<&Path>) -> Result<Layers, Failure> {
        Ok(Layers {
            file: file.map(Path::to_path_buf),
            flags: self.flags()?,
            skip_bad_rows: self.skip_bad_rows,
            ..Layers::default()
        })
    }

    fn flags(&self) -> Result<Vec<Flag>, Failure> {
        let mut flags = self.server.flags();
        let set = self.set.iter();
        flags.extend(set.map(|assignment| Flag::new("--set", assignment)));
        let seed = self.seed.iter();
        flags.extend(seed.map(|seed| Flag::new("--seed", format!("seed={seed}"))));
        let warm_up = self.warm_up.iter();
        flags.extend(warm_up.map(|time| Flag::new("--warm-up", format!("workload.warm_up={time}"))));
        let requests = self.requests.iter();
        flags.extend(requests.map(|number| Flag::new("--requests", format!("workload.requests={number}"))));
        for objective in &self.slo {
            flags.push(objective_flag(objective)?);
        }
        Ok(flags)
    }
}

/// What an objective such as `ttft.p99<2s` or `success>=99.9%` sets.
fn objective_flag(objective: &str) -> Result<Flag, Diagnostic> {
    let Some(sign_at) = objective.find(['<', '>']) else {
        let message = format!("--slo {objective:?} has neither `<` nor `>`");
        return Err(Diagnostic::new(message).help("write --slo 'ttft.p99<2s' or --slo 'success>=99.9%'"));
    };
    let (name, rest) = objective.split_at(sign_at);
    let name = name.trim().replace(['"', '\\', '\n'], "'");
    let (is_least, bound) = (rest.starts_with('>'), &rest[1..]);
    let bound = bound.strip_prefix('=').unwrap_or(bound).trim();
    if Slo::is_least(&name).is_some_and(|it| it != is_least) {
        let (wanted, sign) = if is_least { ("most", "<=") } else { ("least", ">=") };
        let message = format!("--slo {objective:?}: an objective on {name} says the {wanted} that it may be");
        return Err(Diagnostic::new(message).help(format!("write --slo '{name}{sign}{bound}'")));
    }
    Ok(Flag::new("--slo", format!("slo.\"{name}\"={bound}")))
}
