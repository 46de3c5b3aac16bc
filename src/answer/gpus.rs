//! `gpus`: the GPUs that a scenario may name, and where their figures come from.

use std::fmt::Write;

use serde_json::{Value, json};

use super::list::table;
use super::problem::Problem;
use crate::config::Diagnostic;
use crate::config::catalogue::{self, GpuEntry};

/// Which GPUs are there, or what is known of one?
#[derive(Clone, Debug, Default)]
pub struct GpusQuestion {
    /// The name of one; or words, all of which are in the name or the title of those that are wanted. None for all.
    pub words: Vec<String>,
}

/// What the catalogue holds.
pub struct GpusAnswer {
    /// The GPUs that were asked for, each with its figures.
    pub entries: Vec<GpuEntry>,
    /// Whether it is about one, with its sources.
    pub is_one: bool,
}

impl GpusQuestion {
    /// Looks them up; that there are none is a problem.
    pub fn answer(&self) -> Result<GpusAnswer, Problem> {
        let mut entries = catalogue::gpus().map_err(|error| Problem::of_machine(error.to_string()))?;
        let unknown = match catalogue::gpu(&self.words.join(" ")) {
            Ok(gpu) => {
                entries.retain(|entry| entry.gpu.name() == gpu.name());
                return Ok(GpusAnswer { entries, is_one: true });
            }
            Err(unknown) => unknown,
        };
        entries.retain(|entry| catalogue::has_words(&self.words, &[entry.gpu.name(), entry.gpu.title()]));
        if entries.is_empty() {
            return Err(Diagnostic::new(unknown.to_string()).into());
        }
        Ok(GpusAnswer { entries, is_one: false })
    }
}

impl GpusAnswer {
    /// Aligned columns; of one, its sources too.
    pub fn to_text(&self) -> String {
        if self.is_one {
            return self.entries.iter().map(with_sources).collect();
        }
        listed(&self.entries)
    }

    /// A JSON array.
    pub fn to_json(&self) -> String {
        let list: Vec<Value> = self.entries.iter().map(as_json).collect();
        format!("{:#}\n", Value::Array(list))
    }
}

fn listed(entries: &[GpuEntry]) -> String {
    let header = [
        "name",
        "memory GiB",
        "GB/s",
        "bf16 Tflop/s",
        "fp8 Tflop/s",
        "link GB/s",
        "",
    ];
    let rows = entries.iter().map(|entry| {
        let gpu = &entry.gpu;
        let peak = gpu.peak();
        let unverified = entry.figures.iter().any(|figure| !figure.verified);
        [
            gpu.name().to_owned(),
            format!("{:.1}", gpu.memory_bytes() as f64 / (1u64 << 30) as f64),
            format!("{:.0}", gpu.bandwidth_bytes_per_s() / 1e9),
            format!("{:.0}", peak.bf16 / 1e12),
            peak.fp8
                .map_or_else(|| "-".to_owned(), |fp8| format!("{:.0}", fp8 / 1e12)),
            format!("{:.0}", gpu.link().bytes_per_s / 1e9),
            if unverified { "some figures unverified" } else { "" }.to_owned(),
        ]
    });
    table(header, rows) + "\n`tailcast gpus NAME` shows the source of each figure.\n"
}

fn with_sources(entry: &GpuEntry) -> String {
    let mut text = format!("{} · {}\n", entry.gpu.name(), entry.gpu.title());
    for figure in &entry.figures {
        let mark = if figure.verified { "" } else { "  (unverified)" };
        let _ = writeln!(
            text,
            "  {:<10} {:>14}{mark}\n             {}",
            figure.name, figure.value, figure.source
        );
    }
    text
}

fn as_json(entry: &GpuEntry) -> Value {
    let gpu = &entry.gpu;
    let figures: Vec<Value> = entry
        .figures
        .iter()
        .map(|figure| {
            json!({
                "name": figure.name,
                "value": figure.value,
                "source": figure.source,
                "verified": figure.verified,
            })
        })
        .collect();
    json!({
        "name": gpu.name(),
        "title": gpu.title(),
        "memory_bytes": gpu.memory_bytes(),
        "bandwidth_bytes_per_s": gpu.bandwidth_bytes_per_s(),
        "bf16_flops_per_s": gpu.peak().bf16,
        "fp8_flops_per_s": gpu.peak().fp8,
        "int8_flops_per_s": gpu.peak().int8,
        "fp4_flops_per_s": gpu.peak().fp4,
        "link_bytes_per_s": gpu.link().bytes_per_s,
        "figures": figures,
    })
}
