//! The file of `tailcast calibrate`: what steps and the front end cost on one deployment.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::model::ModelChoice;
use super::overheads::MOST_MICROS;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::reading::{Reading, Resolved};
use crate::config::reader::text::Text;
use crate::fleet::FrontEnd;
use crate::hardware::Gpu;
use crate::step_time::{KernelScales, Overheads};
use crate::units::Span;

/// A larger file is something else.
const LARGEST_FILE_BYTES: u64 = 1 << 20;
/// Kernels that are this many times slower or faster than measured ones are those of another GPU.
const KERNEL_SCALES: std::ops::RangeInclusive<f64> = 0.1..=10.0;
/// What one layer or one pass may cost at most [µs].
const MOST_LAYER_MICROS: f64 = 1e5;
/// What one logit may cost at most [ns].
const MOST_LOGIT_NANOS: f64 = 1e3;
/// A larger relative error is a slip of the pen.
const MOST_ERROR: f64 = 1e6;

/// What step times were fitted on, and how well they fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The path of the file that they were read from.
    pub file: PathBuf,
    /// The deployment and the data.
    pub fitted_on: FittedOn,
    /// What is left on these data, relative: the names are those of objectives, such as `ttft.mean`.
    pub errors: Vec<(String, f64)>,
}

/// A deployment as scenarios name it, and what was measured there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FittedOn {
    /// The model, as scenarios name it.
    pub model: String,
    /// The GPU, as scenarios name it.
    pub gpu: String,
    /// GPUs that share the model.
    pub tensor_parallel: u32,
    /// How its weights are stored.
    pub weights: String,
    /// What was measured, for people.
    pub data: String,
}

/// A calibration with its coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibratedTimes {
    /// Where they come from.
    pub about: Calibration,
    /// What steps pay; what the file leaves out is as served.
    pub overheads: Overheads,
    /// What kernels of some kind take of what they take otherwise; 1 where the file leaves it out.
    pub scales: KernelScales,
    /// What stands between clients and the engine; what the file leaves out is as served.
    pub front_end: FrontEnd,
}

/// Reads the file that `server.step_time` names, and notes its coefficients.
pub fn read(fields: &Fields<'_>) -> Result<CalibratedTimes, Diagnostic> {
    let outer = fields.reading();
    let key = fields.key("step_time")?;
    let place = key.node.map_or(fields.place(), |node| node.place);
    let path = key.path()?.unnoted().unwrap_or_default();
    let name = path.display().to_string();
    let content = outer.files.text(&path, LARGEST_FILE_BYTES).map_err(|error| {
        fields
            .error("step_time", format!("cannot read {name}: {error}"))
            .help("`tailcast calibrate SCENARIO DATA --out FILE` writes such a file")
            .help("or write step_time = { base_us = 8000, per_token_us = 20, per_seq_us = 30 }")
    })?;
    outer.note_file(&path);
    let mut reading = Reading::default();
    let text = Text::of_file(name, content, path.parent().unwrap_or(Path::new("")));
    let root = document::parse(&mut reading.texts, text)?;
    let calibrated = of_file(&path, &Fields::of(&reading, String::new(), &root)?)?;
    outer.note(Resolved {
        key: format!("{}.step_time", fields.path()),
        value: "calibrated".to_owned(),
        // Its coefficients, which decide the results, stand below.
        content: Some("calibrated".to_owned()),
        origin: outer.texts.line_of(place),
        is_default: false,
    });
    for note in reading.take_notes().0 {
        outer.note(Resolved {
            key: format!("{}.step_time.{}", fields.path(), note.key),
            ..note
        });
    }
    Ok(calibrated)
}

fn of_file(path: &Path, root: &Fields<'_>) -> Result<CalibratedTimes, Diagnostic> {
    let fitted_on = read_fitted_on(&root.section("fitted_on")?)?;
    let (overheads, scales) = read_step(&root.section("step")?)?;
    let front_end = read_front_end(&root.section("front_end")?)?;
    let errors = read_errors(&root.section("error")?)?;
    root.finish_as("a file of step times")?;
    Ok(CalibratedTimes {
        about: Calibration {
            file: path.to_owned(),
            fitted_on,
            errors,
        },
        overheads,
        scales,
        front_end,
    })
}

fn read_fitted_on(fields: &Fields<'_>) -> Result<FittedOn, Diagnostic> {
    const WHY: &str = "it says which deployment the coefficients hold for, as scenarios name it";
    let named = |name| -> Result<String, Diagnostic> {
        let text = fields.key(name)?.text()?;
        if text.place().is_none() {
            return Err(missing(fields, name, WHY));
        }
        Ok(text.unnoted().unwrap_or_default())
    };
    let (model, gpu, weights) = (named("model")?, named("gpu")?, named("weights")?);
    let data = named("data")?;
    let tensor_parallel = fields.key("tensor_parallel")?.count(1..=1024)?.unnoted();
    let fitted_on = FittedOn {
        model,
        gpu,
        tensor_parallel: tensor_parallel.ok_or_else(|| missing(fields, "tensor_parallel", WHY))?,
        weights,
        data,
    };
    fields.finish()?;
    Ok(fitted_on)
}

fn missing(fields: &Fields<'_>, name: &str, why: &str) -> Diagnostic {
    fields
        .error(name, format!("`{}.{name}` is missing", fields.path()))
        .help(why)
        .help("`tailcast calibrate SCENARIO DATA --out FILE` writes such a file")
}

/// Each coefficient that is written takes the place of the one as served.
fn read_step(fields: &Fields<'_>) -> Result<(Overheads, KernelScales), Diagnostic> {
    let mut read = Overheads::SERVED;
    let micros = [
        ("step_us", MOST_MICROS, &mut read.step_micros),
        ("layer_us", MOST_LAYER_MICROS, &mut read.layer_micros),
        ("mixed_layer_us", MOST_LAYER_MICROS, &mut read.mixed_layer_micros),
        ("eager_layer_us", MOST_LAYER_MICROS, &mut read.eager_layer_micros),
        ("eager_experts_us", MOST_LAYER_MICROS, &mut read.eager_experts_micros),
        (
            "all_reduce_wait_us",
            MOST_LAYER_MICROS,
            &mut read.all_reduce_wait_micros,
        ),
        (
            "quantised_layer_us",
            MOST_LAYER_MICROS,
            &mut read.quantised_layer_micros,
        ),
        ("sampler_us", MOST_MICROS, &mut read.sampler_micros),
    ];
    for (name, most, value) in micros {
        overlay(fields.key(name)?, most, 1.0, value)?;
    }
    let nanos = [
        ("sampler_ns_per_logit", &mut read.sampler_micros_per_logit),
        ("sort_ns_per_entry", &mut read.sort_micros_per_entry),
    ];
    for (name, value) in nanos {
        overlay(fields.key(name)?, MOST_LOGIT_NANOS, 1e-3, value)?;
    }
    let mut scales = KernelScales::NONE;
    let factors = [
        ("kernel_scale", &mut read.kernel_scale),
        ("decode_scale", &mut scales.decoding),
        ("prompt_scale", &mut scales.prompts),
        ("expert_scale", &mut scales.experts),
    ];
    for (name, value) in factors {
        if let Some(scale) = fields.key(name)?.number(KERNEL_SCALES)?.optional() {
            *value = scale;
        }
    }
    fields.finish()?;
    Ok((read, scales))
}

fn read_front_end(fields: &Fields<'_>) -> Result<FrontEnd, Diagnostic> {
    let mut read = FrontEnd::SERVED;
    let keys = [
        ("latency_us", &mut read.latency),
        ("per_stream_us", &mut read.per_stream),
        ("per_prompt_token_us", &mut read.per_prompt_token),
    ];
    for (name, span) in keys {
        let mut micros = span.seconds() * 1e6;
        overlay(fields.key(name)?, MOST_MICROS, 1.0, &mut micros)?;
        *span = Span::from_seconds(micros / 1e6).expect("ten seconds at most");
    }
    fields.finish()?;
    Ok(read)
}

/// Sets `value` to what is written, in `unit` times the value's own unit.
fn overlay(key: Key<'_>, most: f64, unit: f64, value: &mut f64) -> Result<(), Diagnostic> {
    if let Some(written) = key.number(0.0..=most)?.optional() {
        *value = written * unit;
    }
    Ok(())
}

fn read_errors(fields: &Fields<'_>) -> Result<Vec<(String, f64)>, Diagnostic> {
    let read = fields.entries().iter().map(|entry| {
        let key = Key {
            reading: fields.reading(),
            path: format!("{}.{}", fields.path(), entry.key),
            owner: fields.place(),
            node: Some(&entry.node),
            declared: None,
        };
        let error = key.number(0.0..=MOST_ERROR)?.unnoted().unwrap_or_default();
        Ok((entry.key.clone(), error))
    });
    read.collect()
}

impl Calibration {
    /// Coefficients of another deployment may be worse than none.
    pub(super) fn warn_of_another_deployment(
        &self,
        reading: &Reading,
        (model, gpu, tensor_parallel): (&ModelChoice, &Gpu, u32),
    ) {
        let fitted = &self.fitted_on;
        let mut differences = String::new();
        let mut compare = |what: &str, then: String, now: String| {
            if then != now {
                let separator = if differences.is_empty() { "" } else { ", " };
                let _ = write!(differences, "{separator}{what} {then} instead of {now}");
            }
        };
        compare("model", fitted.model.clone(), model.model.name().to_owned());
        compare("gpu", fitted.gpu.clone(), gpu.name().to_owned());
        compare(
            "tensor_parallel",
            fitted.tensor_parallel.to_string(),
            tensor_parallel.to_string(),
        );
        compare("weights", fitted.weights.clone(), model.weights.name().to_owned());
        if !differences.is_empty() {
            reading.warn(format!(
                "{} was fitted on another deployment ({differences}); a calibration holds for its own only, leave \
                 server.step_time out",
                self.file.display()
            ));
        }
    }

    /// Where the coefficients come from and what is left, for a report.
    pub fn in_words(&self) -> String {
        let left: Vec<String> = ["ttft.mean", "tpot.mean", "e2e.mean", "step"]
            .iter()
            .filter_map(|name| {
                let (_, error) = self.errors.iter().find(|(other, _)| other == name)?;
                let label = match name.split_once('.') {
                    Some((metric, _)) => metric.to_uppercase(),
                    None => "steps".to_owned(),
                };
                Some(format!("{label} {:.1} %", 100.0 * error))
            })
            .collect();
        let data = &self.fitted_on.data;
        if left.is_empty() {
            return data.clone();
        }
        format!("{data}, where these are left: {}", left.join(", "))
    }
}
