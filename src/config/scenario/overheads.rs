//! `server.cpu_time` and `server.front_end`: what comes on top of the GPU's time.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::{Reading, Resolved};
use crate::fleet::FrontEnd;
use crate::settings::{Kind, Setting};
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
    let read = read_micros(fields, &CPU_TIME, CPU_TIME_KEYS)?;
    Ok(read.map(|[per_step, per_sequence]| CpuTime { per_step, per_sequence }))
}

/// Reads `front_end = { latency_us = ..., per_stream_us = ... }`.
pub fn read_front_end(fields: &Fields<'_>) -> Result<Option<FrontEnd>, Diagnostic> {
    let read = read_micros(fields, &FRONT_END, FRONT_END_KEYS)?;
    Ok(read.map(|[latency, per_stream, per_prompt_token]| FrontEnd {
        latency,
        per_stream,
        per_prompt_token,
    }))
}

/// Notes the default, which depends on what else was written, under the keys that it could be written with: a scenario
/// that writes it out is the same scenario. `server` is the name of the table.
pub fn note_cpu_time(reading: &Reading, server: &str, default: CpuTime, why: &str) {
    let spans = [default.per_step, default.per_sequence];
    note_micros(reading, (server, &CPU_TIME), CPU_TIME_KEYS, spans, why);
}

/// Notes the default of what stands between clients and the engine in this way too.
pub fn note_front_end(reading: &Reading, server: &str, default: FrontEnd, why: &str) {
    let spans = [default.latency, default.per_stream, default.per_prompt_token];
    note_micros(reading, (server, &FRONT_END), FRONT_END_KEYS, spans, why);
}

/// The key `server.cpu_time`: what the CPU adds to each step.
pub(super) const CPU_TIME: Setting = Setting::new(
    "cpu_time",
    Kind::Table(&CPU_TIME_KEYS),
    "What the CPU adds to each step of the GPU",
)
.depends("as measured, by whether steps are prepared ahead; nothing beside given step times");
static CPU_TIME_KEYS: [&Setting; 2] = [
    &Setting::new("per_step_us", MICROS, "CPU time of each step")
        .unit("us")
        .default("0", FREE),
    &Setting::new("per_seq_us", MICROS, "CPU time of each request in a step")
        .unit("us")
        .default("0", FREE),
];
/// The key `server.front_end`: what stands between clients and the engine.
pub(super) const FRONT_END: Setting = Setting::new(
    "front_end",
    Kind::Table(&FRONT_END_KEYS),
    "What stands between clients and the engine",
)
.depends("vLLM's API server, or as calibrated; nothing beside given step times");
static FRONT_END_KEYS: [&Setting; 3] = [
    &Setting::new("latency_us", MICROS, "What it adds to the first token of each request")
        .unit("us")
        .default("0", FREE),
    &Setting::new(
        "per_stream_us",
        MICROS,
        "What it adds to each token for every request that is answered at once",
    )
    .unit("us")
    .default("0", FREE),
    &Setting::new(
        "per_prompt_token_us",
        MICROS,
        "What it adds to a request for each token of its prompt, until the engine has it",
    )
    .unit("us")
    .default("0", FREE),
];
const MICROS: Kind = Kind::Number {
    min: 0.0,
    max: MOST_MICROS,
};
const FREE: &str = "nothing is charged for it";

fn note_micros<const N: usize>(
    reading: &Reading,
    (server, table): (&str, &Setting),
    keys: [&Setting; N],
    spans: [Span; N],
    why: &str,
) {
    let name = table.name;
    for (key, span) in keys.map(|key| key.name).into_iter().zip(spans) {
        let micros = span.picos() as f64 / 1e6;
        reading.note(Resolved {
            key: format!("{server}.{name}.{key}"),
            value: micros.to_string(),
            content: None,
            origin: why.to_owned(),
            is_default: true,
        });
    }
}

fn read_micros<const N: usize>(
    fields: &Fields<'_>,
    table: &'static Setting,
    keys: [&'static Setting; N],
) -> Result<Option<[Span; N]>, Diagnostic> {
    let Some(table) = fields.find(table)?.table()? else {
        return Ok(None);
    };
    let mut spans = [Span::ZERO; N];
    for (span, key) in spans.iter_mut().zip(keys) {
        let micros = table.find(key)?.declared_number()?.or_default();
        *span = Span::from_seconds(micros / 1e6).expect("ten seconds at most");
    }
    table.finish()?;
    Ok(Some(spans))
}
