//! What was measured on a real server: read from the result of a benchmark, to be held against predictions.
//!
//! Formats are told apart by their content ([`formats`]); what a file says of its workload comes with its numbers.

mod aiperf;
mod aiperf_records;
mod bench_console;
mod bench_json;
mod bench_names;
mod bench_requests;
mod benchmark_load;
mod blis;
mod chunks;
mod counters;
mod figures;
mod foreign;
mod formats;
mod glance;
mod guidellm;
mod inference_perf;
mod json_tree;
mod json_values;
mod llm_d_benchmark;
mod llmperf;
mod metric;
mod noted_settings;
mod number;
mod prometheus;
mod requests_csv;
mod result;
mod tally;
mod trees;
mod units;

use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::read_once::Files;
use crate::config::reader::text_file;
use crate::workload::trace::no_text;
use result::FORMATS_HELP;

pub use benchmark_load::{BenchmarkLoad, MeasuredLength};
pub use counters::{CountedHistogram, ServerCounters};
pub use metric::{METRICS, canonical, is_latency};
pub use noted_settings::NotedSetting;
pub use result::{Measured, MeasuredRequest, Values};

/// A larger file is no result of a benchmark.
const LARGEST_FILE_BYTES: u64 = 1 << 30;
/// How a file that gzip has packed begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Measured {
    /// Reads a file that holds one result.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let (name, content) = text_of(&Files::default(), path)?;
        Self::parse(&name, &content)
    }

    /// Reads a file that may hold several results.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, Diagnostic> {
        Self::read_all_among(&Files::default(), path)
    }

    /// Reads such a file, one of those that were or will be read.
    pub fn read_all_among(files: &Files, path: &Path) -> Result<Vec<Self>, Diagnostic> {
        let (name, content) = text_of(files, path)?;
        Self::parse_all(&name, &content)
    }

    /// Reads the content of a file that may hold several results, and that messages call `name`.
    pub fn parse_all(name: &str, content: &str) -> Result<Vec<Self>, Diagnostic> {
        formats::read_all(name, content)
    }

    /// Reads the content of a file that holds one result.
    pub fn parse(name: &str, content: &str) -> Result<Self, Diagnostic> {
        let mut all = Self::parse_all(name, content)?;
        if all.len() > 1 {
            let message = format!("{name} holds {} results", all.len());
            return Err(Diagnostic::new(message).help("keep one of them"));
        }
        all.pop()
            .ok_or_else(|| Diagnostic::new(format!("{name} is empty")).help(FORMATS_HELP))
    }

    /// What was measured after `before`, where both are what one server had counted.
    pub fn since(&self, before: &Self) -> Result<Self, Diagnostic> {
        let (Some(after), Some(before)) = (&self.counters, &before.counters) else {
            return Err(Diagnostic::new("only counters of a server have a difference").help(FORMATS_HELP));
        };
        prometheus::between(before, after)
    }

    /// Puts the two looks at a server's counters that are among some results into the place of the first, as what was
    /// counted between them; `None` of `counters_of` are no results.
    pub fn join_counters<T>(
        all: &mut Vec<T>,
        counters_of: impl Fn(&mut T) -> Option<&mut Self>,
    ) -> Result<(), Diagnostic> {
        let mut looks = Vec::new();
        for (place, one) in all.iter_mut().enumerate() {
            if let Some(measured) = counters_of(one).filter(|measured| measured.counters.is_some()) {
                looks.push((place, measured.clone()));
            }
        }
        match &looks[..] {
            [] | [_] => Ok(()),
            [(first, before), (second, after)] => {
                let between = after.since(before)?;
                if !between.has_latencies() {
                    let message = "the server counted no request between the two looks at /metrics";
                    return Err(Diagnostic::new(message).help("look once before the load and once after it"));
                }
                if let Some(measured) = counters_of(&mut all[*first]) {
                    *measured = between;
                }
                all.remove(*second);
                Ok(())
            }
            more => {
                let message = format!("{} files of a server's counters are given", more.len());
                Err(Diagnostic::new(message).help("give two: what /metrics said before the load and after it"))
            }
        }
    }
}

/// What messages call a file, and its content.
fn text_of(files: &Files, path: &Path) -> Result<(String, String), Diagnostic> {
    let name = path.display().to_string();
    let bytes = files.bytes(path, LARGEST_FILE_BYTES);
    if let Some(what) = bytes.as_ref().ok().and_then(|bytes| no_text(bytes)) {
        return Err(Diagnostic::new(format!("{name} {what}")));
    }
    let content = bytes.and_then(|bytes| text_file::text_of(unpacked(&bytes)?));
    let content =
        content.map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")).help(FORMATS_HELP))?;
    Ok((name, content))
}

/// What gzip has packed, or the bytes as they are.
fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes.to_vec());
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(LARGEST_FILE_BYTES + 1)
        .read_to_end(&mut plain)?;
    if plain.len() as u64 > LARGEST_FILE_BYTES {
        return Err(io::Error::other("it is larger than 1 GiB once it is unpacked"));
    }
    Ok(plain)
}
