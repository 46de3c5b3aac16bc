//! `workload.arrivals`: when requests come.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Key;
use crate::units::Span;
use crate::workload::{Arrivals, Stage};

/// More than one request a nanosecond is a slip of the pen [requests/s].
pub(super) const MOST_RATE_PER_S: f64 = 1e9;
/// Clients that each keep their own clock in memory.
const MOST_CLIENTS: u32 = 1 << 24;

#[derive(Clone, Copy)]
enum Process {
    Poisson,
    Gamma,
    Weibull,
    Constant,
    AtOnce,
    Stages,
    Closed,
}

/// Reads `arrivals = { process = ..., ... }`.
pub fn read(fields: &Fields<'_>) -> Result<Arrivals, Diagnostic> {
    let process = fields.key("process")?.choice(&[
        ("poisson", Process::Poisson),
        ("gamma", Process::Gamma),
        ("weibull", Process::Weibull),
        ("constant", Process::Constant),
        ("at_once", Process::AtOnce),
        ("stages", Process::Stages),
        ("closed", Process::Closed),
    ])?;
    let process = process.required("write process = \"poisson\" and rate = 8.0, in requests per second")?;
    let arrivals = match process.value {
        Process::Poisson => Arrivals::Poisson {
            rate_per_s: rate(fields)?,
        },
        Process::Gamma => Arrivals::Gamma {
            rate_per_s: rate(fields)?,
            cv: shape(
                fields.key("cv")?,
                0.001,
                "write cv = 2.0, the gaps' standard deviation divided by their mean",
            )?,
        },
        Process::Weibull => Arrivals::Weibull {
            rate_per_s: rate(fields)?,
            shape: shape(
                fields.key("shape")?,
                0.05,
                "write shape = 0.7; below 1 is burstier than Poisson",
            )?,
        },
        Process::Constant => Arrivals::Constant {
            rate_per_s: rate(fields)?,
        },
        Process::AtOnce => Arrivals::AtOnce,
        Process::Stages => Arrivals::Stages(stages(fields)?),
        Process::Closed => Arrivals::Closed {
            concurrency: fields
                .key("concurrency")?
                .count(1..=MOST_CLIENTS)?
                .required("write concurrency = 32, the number of clients")?,
            think: fields.key("think")?.duration()?.or(Span::ZERO, "no pause"),
        },
    };
    fields.finish()?;
    Ok(arrivals)
}

fn rate(fields: &Fields<'_>) -> Result<f64, Diagnostic> {
    fields
        .key("rate")?
        .positive(MOST_RATE_PER_S)?
        .required("write rate = 8.0, in requests per second")
}

fn shape(key: Key<'_>, least: f64, help: &str) -> Result<f64, Diagnostic> {
    key.number(least..=1000.0)?.required(help)
}

fn stages(fields: &Fields<'_>) -> Result<Vec<Stage>, Diagnostic> {
    const EXAMPLE: &str = "write stages = [{ rate = 2.0, duration = \"60s\" }, { rate = 8.0, duration = \"60s\" }]";
    let Some(list) = fields.key("stages")?.list()? else {
        return Err(fields
            .error("stages", format!("`{}.stages` is missing", fields.path()))
            .help(EXAMPLE));
    };
    list.into_iter()
        .map(|item| {
            let stage = item.table()?.expect("an entry of a list has a value");
            let read = Stage {
                rate_per_s: stage
                    .key("rate")?
                    .number(0.0..=MOST_RATE_PER_S)?
                    .required("write rate = 8.0, in requests per second")?,
                duration: stage
                    .key("duration")?
                    .duration()?
                    .required("write duration = \"60s\"")?,
            };
            stage.finish()?;
            Ok(read)
        })
        .collect()
}
