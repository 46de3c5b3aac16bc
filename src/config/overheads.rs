//! `server.cpu_time` and `server.front_end`: what comes on top of the GPU's time.

use super::diagnostic::Diagnostic;
use super::fields::{Fields, Reading, Resolved};
use crate::fleet::FrontEnd;
use crate::units::Span;

/// More would be no overhead.
pub(super) const MOST_MICROS: f64 = 1e7;

/// CPU time of a step and of each request in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Of each step.
    pub per_step: Span,
    /// Of each request in a step.
    pub per_sequence: Span,
}

impl CpuTime {
    /// Where the CPU works on a step while the GPU computes the one before: it hardly shows, so served runs tell little
    /// of it.
    pub const BESIDE_THE_GPU: Self = Self {
        per_step: Span::from_micros(2_000),
        per_sequence: Span::from_micros(10),
    };
    /// Where it works before each step: fits to closed loops on vLLM 0.12 and before (aiconfigurator @ 095f58a,
    /// `docs/LATENCY_MODEL.md`).
    pub const BEFORE_THE_GPU: Self = Self {
        per_step: Span::from_micros(1_500),
        per_sequence: Span::from_micros(30),
    };

    /// Those of steps that take `factor` times as long.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let stretched = |span: Span| {
            let stretched = Span::from_seconds(span.seconds() * factor);
            stretched.expect("ten seconds, a little longer")
        };
        Self {
            per_step: stretched(self.per_step),
            per_sequence: stretched(self.per_sequence),
        }
    }
}

/// Reads `cpu_time = { per_step_us = ..., per_seq_us = ... }`.
pub fn read_cpu_time(fields: &Fields<'_>) -> Result<Option<CpuTime>, Diagnostic> {
    let read = read_micros(fields, CPU_TIME)?;
    Ok(read.map(|[per_step, per_sequence]| CpuTime { per_step, per_sequence }))
}

/// Reads `front_end = { latency_us = ..., per_stream_us = ... }`.
pub fn read_front_end(fields: &Fields<'_>) -> Result<Option<FrontEnd>, Diagnostic> {
    let read = read_micros(fields, FRONT_END)?;
    Ok(read.map(|[latency, per_stream]| FrontEnd { latency, per_stream }))
}

/// Notes the default, which depends on what else was written, under the keys that it could be written with: a scenario
/// that writes it out is the same scenario.
pub fn note_cpu_time(reading: &Reading, default: CpuTime, why: &str) {
    let spans = [default.per_step, default.per_sequence];
    note_micros(reading, CPU_TIME, spans, why);
}

/// The same for what stands between clients and the engine.
pub fn note_front_end(reading: &Reading, default: FrontEnd, why: &str) {
    let spans = [default.latency, default.per_stream];
    note_micros(reading, FRONT_END, spans, why);
}

/// A table's name and its keys.
type Keys = (&'static str, [&'static str; 2]);

const CPU_TIME: Keys = ("cpu_time", ["per_step_us", "per_seq_us"]);
const FRONT_END: Keys = ("front_end", ["latency_us", "per_stream_us"]);

fn note_micros(reading: &Reading, (name, keys): Keys, spans: [Span; 2], why: &str) {
    for (key, span) in keys.into_iter().zip(spans) {
        let micros = span.picos() as f64 / 1e6;
        reading.note(Resolved {
            key: format!("server.{name}.{key}"),
            value: micros.to_string(),
            content: None,
            origin: why.to_owned(),
            is_default: true,
        });
    }
}

fn read_micros(fields: &Fields<'_>, (name, keys): Keys) -> Result<Option<[Span; 2]>, Diagnostic> {
    let Some(table) = fields.key(name)?.table()? else {
        return Ok(None);
    };
    let mut spans = [Span::ZERO; 2];
    for (span, key) in spans.iter_mut().zip(keys) {
        let micros = table
            .key(key)?
            .number(0.0..=MOST_MICROS)?
            .or(0.0, "nothing is charged for it");
        *span = Span::from_seconds(micros / 1e6).expect("ten seconds at most");
    }
    table.finish()?;
    Ok(Some(spans))
}
