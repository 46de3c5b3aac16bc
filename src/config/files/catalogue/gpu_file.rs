//! One GPU's TOML file: every figure beside its source.

use serde::Deserialize;

use super::CatalogueError;
use super::figure::SourcedFigure;
use super::kernels_file::RawKernels;
use crate::hardware::{Architecture, BadFigure, Chip, Gpu, GpuFigures, Link, LinkKind, PeakFlops};

/// A GPU with the sources of its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuEntry {
    /// The GPU with the figures that the file gives.
    pub gpu: Gpu,
    /// The file it was read from.
    pub file: String,
    /// Its figures as written, in the order of the file format.
    pub figures: Vec<SourcedFigure>,
    /// Figures that its file names no source for; none in the files that come with the program.
    pub unsourced: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GpuFile {
    title: String,
    memory: Memory,
    bandwidth: Rate,
    bf16: Peak,
    fp8: Option<Peak>,
    int8: Option<Peak>,
    fp4: Option<Peak>,
    link: RawLink,
    #[serde(default)]
    kernels: RawKernels,
    chip: Option<RawChip>,
    vllm: Option<Vllm>,
}

/// What vLLM decides by the name of the device and not by its figures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vllm {
    small_batches: bool,
    #[serde(default)]
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChip {
    architecture: String,
    multiprocessors: u32,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    gib: f64,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    gb_per_s: f64,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peak {
    tflops: f64,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    kind: RawLinkKind,
    gb_per_s: f64,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawLinkKind {
    NvLink,
    Xgmi,
    Pcie,
    Ethernet,
}

const fn yes() -> bool {
    true
}

/// Reads the text of a GPU file; `name` is what scenarios call it. Every figure of `ours` has a source.
pub(super) fn parse(name: &str, file: &str, text: &str, ours: bool) -> Result<GpuEntry, CatalogueError> {
    let raw: GpuFile = toml::from_str(text).map_err(|error| CatalogueError::from_toml(file, text, &error))?;
    let figures = figures(&raw);
    let refuse = |bad: &BadFigure| CatalogueError::from_figure(file, text, bad);
    let of_vllm = raw.vllm.iter().map(|vllm| ("vllm", vllm.source.as_str()));
    let sources = figures.iter().map(|one| (one.name, one.source.as_str()));
    let unsourced = sources.chain(of_vllm).filter(|(_, source)| source.trim().is_empty());
    let unsourced: Vec<&'static str> = unsourced.map(|(name, _)| name).collect();
    if let (true, Some(name)) = (ours, unsourced.first()) {
        let expected = "named: a datasheet, a page with its date, or a measurement";
        let bad = BadFigure::new(name, "without a source", expected);
        return Err(refuse(&bad));
    }
    let gpu = resolve(name, &raw).map_err(|bad| refuse(&bad))?;
    let gpu = gpu.with_small_batches(raw.vllm.is_some_and(|vllm| vllm.small_batches));
    Ok(GpuEntry {
        gpu,
        file: file.to_owned(),
        figures,
        unsourced,
    })
}

fn resolve(name: &str, raw: &GpuFile) -> Result<Gpu, BadFigure> {
    let memory = (raw.memory.gib * (1u64 << 30) as f64).round();
    if !(memory >= 1.0 && memory < u64::MAX as f64) {
        let given = format!("{} GiB", raw.memory.gib);
        let expected = "more than 0 and at most 1048576 GiB";
        return Err(BadFigure::new("memory", given, expected));
    }
    let flops = |peak: &Peak| peak.tflops * 1e12;
    Gpu::new(GpuFigures {
        name: name.to_owned(),
        title: raw.title.clone(),
        memory_bytes: memory as u64,
        bandwidth_bytes_per_s: raw.bandwidth.gb_per_s * 1e9,
        peak: PeakFlops {
            bf16: flops(&raw.bf16),
            fp8: raw.fp8.as_ref().map(flops),
            int8: raw.int8.as_ref().map(flops),
            fp4: raw.fp4.as_ref().map(flops),
        },
        link: Link {
            kind: match raw.link.kind {
                RawLinkKind::NvLink => LinkKind::NvLink,
                RawLinkKind::Xgmi => LinkKind::Xgmi,
                RawLinkKind::Pcie => LinkKind::Pcie,
                RawLinkKind::Ethernet => LinkKind::Ethernet,
            },
            bytes_per_s: raw.link.gb_per_s * 1e9,
        },
        kernels: raw.kernels.resolve(),
        chip: raw.chip.as_ref().map(chip).transpose()?,
    })
}

fn chip(raw: &RawChip) -> Result<Chip, BadFigure> {
    let all = Architecture::ALL;
    let architecture = all.into_iter().find(|one| one.name() == raw.architecture);
    let architecture = architecture.ok_or_else(|| {
        let given = format!("of the architecture \"{}\"", raw.architecture);
        let names = all.map(|one| format!("\"{}\"", one.name())).join(", ");
        BadFigure::new("chip", given, format!("of one of {names}"))
    })?;
    Ok(Chip {
        architecture,
        multiprocessors: raw.multiprocessors,
    })
}

fn figures(raw: &GpuFile) -> Vec<SourcedFigure> {
    let figure = |name, value, source: &str, verified| SourcedFigure {
        name,
        value,
        source: source.to_owned(),
        verified,
    };
    let peak = |name, peak: &Peak| {
        let value = format!("{} Tflop/s", peak.tflops);
        figure(name, value, &peak.source, peak.verified)
    };
    let memory = format!("{} GiB", raw.memory.gib);
    let bandwidth = format!("{} GB/s", raw.bandwidth.gb_per_s);
    let link = format!("{} GB/s", raw.link.gb_per_s);
    let mut all = vec![
        figure("memory", memory, &raw.memory.source, raw.memory.verified),
        figure("bandwidth", bandwidth, &raw.bandwidth.source, raw.bandwidth.verified),
        peak("bf16", &raw.bf16),
    ];
    let optional = [("fp8", &raw.fp8), ("int8", &raw.int8), ("fp4", &raw.fp4)];
    for (name, given) in optional {
        all.extend(given.iter().map(|one| peak(name, one)));
    }
    all.push(figure("link", link, &raw.link.source, raw.link.verified));
    all.extend(raw.chip.iter().map(|chip| {
        let value = format!("{}, {} multiprocessors", chip.architecture, chip.multiprocessors);
        figure("chip", value, &chip.source, chip.verified)
    }));
    all.extend(raw.kernels.figures());
    all
}
