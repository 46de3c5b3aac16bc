//! `server.step_time`: a fixed affine model, or a file that `tailcast calibrate` wrote.

use super::calibration::{self, CalibratedTimes, Calibration};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting};
use crate::step_time::{Affine, KernelScales, Overheads, StepTimeChoice};
use crate::units::Span;

/// A step that takes longer than this is a slip of the pen [µs].
const MOST_MICROS: f64 = 86_400e6;

/// The key `server.step_time`: how long steps take.
pub(super) const STEP_TIME: Setting = Setting::new(
    "step_time",
    Kind::Either(&[Kind::Table(&[&BASE, &PER_TOKEN, &PER_SEQUENCE]), Kind::Path]),
    "How long steps take: a fixed affine formula, or a file that `tailcast calibrate` wrote",
)
.depends("modelled from the figures of the GPU and the model");
const BASE: Setting = Setting::new("base_us", MICROS, "The time of every step")
    .unit("us")
    .default("0", FREE);
const PER_TOKEN: Setting = Setting::new("per_token_us", MICROS, "The time of each token in a step")
    .unit("us")
    .default("0", FREE);
const PER_SEQUENCE: Setting = Setting::new("per_seq_us", MICROS, "The time of each request in a step")
    .unit("us")
    .default("0", FREE);
const MICROS: Kind = Kind::Number {
    min: 0.0,
    max: MOST_MICROS,
};
const FREE: &str = "nothing is charged for it";

/// What a scenario says of step times.
#[derive(Clone, Debug, PartialEq)]
pub enum GivenStepTime {
    /// Nothing: they are modelled.
    Nothing,
    /// They are measured, and replace the model of the GPU.
    Affine(Affine),
    /// They are modelled with coefficients that were fitted to a deployment.
    Calibrated(Box<CalibratedTimes>),
}

impl GivenStepTime {
    /// The model of step times that is used then.
    pub const fn choice(&self) -> StepTimeChoice {
        match self {
            Self::Affine(affine) => StepTimeChoice::Affine(*affine),
            Self::Nothing | Self::Calibrated(_) => StepTimeChoice::Roofline,
        }
    }

    /// What modelled times were fitted on.
    pub fn calibration(&self) -> Option<&Calibration> {
        match self {
            Self::Calibrated(calibrated) => Some(&calibrated.about),
            _ => None,
        }
    }

    /// What modelled steps pay besides their kernels.
    pub fn overheads(&self) -> Overheads {
        match self {
            Self::Calibrated(calibrated) => calibrated.overheads,
            _ => Overheads::SERVED,
        }
    }

    /// What kernels of some kind take of what they take otherwise.
    pub fn scales(&self) -> KernelScales {
        match self {
            Self::Calibrated(calibrated) => calibrated.scales,
            _ => KernelScales::NONE,
        }
    }
}

/// Reads `step_time = { base_us = ..., per_token_us = ..., per_seq_us = ... }` or `step_time = "file.toml"`.
pub fn read(fields: &Fields<'_>) -> Result<GivenStepTime, Diagnostic> {
    let key = fields.find(&STEP_TIME)?;
    match key.node.map(|node| &node.value) {
        None => Ok(GivenStepTime::Nothing),
        Some(Value::Text(_)) => {
            let calibrated = calibration::read(fields)?;
            Ok(GivenStepTime::Calibrated(Box::new(calibrated)))
        }
        Some(Value::Table(_)) => read_affine(fields).map(GivenStepTime::Affine),
        Some(other) => {
            let message = format!(
                "`{}.step_time` must be a table or the name of a file, not {}",
                fields.path(),
                other.describe()
            );
            Err(fields
                .error("step_time", message)
                .help("write step_time = { base_us = 8000, per_token_us = 20, per_seq_us = 30 }")
                .help("or step_time = \"calibrated.toml\", a file that `tailcast calibrate` wrote"))
        }
    }
}

fn read_affine(fields: &Fields<'_>) -> Result<Affine, Diagnostic> {
    let table = fields.section("step_time")?;
    let micros = |setting| -> Result<f64, Diagnostic> { Ok(table.find(setting)?.declared_number()?.or_default()) };
    let (base_us, per_token_us, per_seq_us) = (micros(&BASE)?, micros(&PER_TOKEN)?, micros(&PER_SEQUENCE)?);
    if base_us + per_token_us + per_seq_us == 0.0 {
        return Err(fields
            .error(
                "step_time",
                format!("with all of `{}.step_time` 0, no step takes any time", fields.path()),
            )
            .help("write base_us = 8000, per_token_us = 20 and per_seq_us = 30, in microseconds"));
    }
    table.finish()?;
    let span = |micros: f64| Span::from_seconds(micros / 1e6).expect("a day at most");
    Ok(Affine {
        base: span(base_us),
        per_token: span(per_token_us),
        per_sequence: span(per_seq_us),
    })
}
