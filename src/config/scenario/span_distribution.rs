//! How long something takes each time: always as long, `"20ms"`, or drawn from a distribution.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::settings::{Kind, Setting, Variant};
use crate::units::Span;
use crate::workload::SpanDistribution;

/// A length of time, or a distribution of lengths of time.
pub(super) const SPANS: Kind = Kind::Either(&[
    Kind::Duration,
    Kind::Tagged {
        tag: &DIST,
        variants: VARIANTS,
        common: &[],
    },
]);

const DIST: Setting = Setting::new("dist", Kind::Text, "The kind of distribution")
    .or(&["distribution"])
    .required("write dist = \"lognormal\", median = \"50ms\" and sigma = 0.5, or the time alone, such as \"50ms\"");
const VARIANTS: &[Variant] = &[
    Variant {
        name: "fixed",
        help: "Always as long",
        settings: &[&VALUE],
    },
    Variant {
        name: "uniform",
        help: "Each length from min to max as likely as any other",
        settings: &[&MIN, &MAX],
    },
    Variant {
        name: "exponential",
        help: "An exponential distribution",
        settings: &[&MEAN],
    },
    Variant {
        name: "lognormal",
        help: "The logarithm has a normal distribution",
        settings: &[&MEDIAN, &SIGMA],
    },
    Variant {
        name: "gamma",
        help: "A Gamma distribution",
        settings: &[&MEAN, &CV],
    },
];
const VALUE: Setting = Setting::new("value", Kind::Duration, "How long it takes").required("write value = \"50ms\"");
const MIN: Setting = Setting::new("min", Kind::Duration, "The shortest").required("write min = \"10ms\"");
const MAX: Setting = Setting::new("max", Kind::Duration, "The longest").required("write max = \"90ms\"");
const MEAN: Setting = Setting::new("mean", Kind::Duration, "The mean").required("write mean = \"50ms\"");
const MEDIAN: Setting =
    Setting::new("median", Kind::Duration, "Half of them are shorter").required("write median = \"50ms\"");
const SIGMA: Setting = Setting::new(
    "sigma",
    Kind::Number { min: 0.0, max: 20.0 },
    "The standard deviation of the natural logarithm",
)
.required("write sigma = 0.5");
const CV: Setting = Setting::new(
    "cv",
    Kind::Number {
        min: 0.001,
        max: 1000.0,
    },
    "The standard deviation, relative to the mean",
)
.required("write cv = 0.5");

#[derive(Clone, Copy)]
enum Form {
    Fixed,
    Uniform,
    Exponential,
    LogNormal,
    Gamma,
}

/// Reads `"20ms"` or `{ dist = "exponential", mean = "20ms" }`; `None` if the key was not written.
pub(super) fn read(key: Key<'_>) -> Result<Option<SpanDistribution>, Diagnostic> {
    if !matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        return Ok(key.duration()?.optional().map(SpanDistribution::Fixed));
    }
    let fields = key.table()?.expect("the key has a value");
    let forms = [
        Form::Fixed,
        Form::Uniform,
        Form::Exponential,
        Form::LogNormal,
        Form::Gamma,
    ];
    let spans = match fields.find(&DIST)?.variant(VARIANTS, forms)? {
        Form::Fixed => SpanDistribution::Fixed(fields.find(&VALUE)?.duration()?.needed()?),
        Form::Uniform => uniform(&fields)?,
        Form::Exponential => SpanDistribution::Exponential {
            mean: fields.find(&MEAN)?.duration()?.needed()?,
        },
        Form::LogNormal => SpanDistribution::LogNormal {
            median: some(&fields, &MEDIAN)?,
            sigma: fields.find(&SIGMA)?.declared_number()?.needed()?,
        },
        Form::Gamma => SpanDistribution::Gamma {
            mean: some(&fields, &MEAN)?,
            cv: fields.find(&CV)?.declared_number()?.needed()?,
        },
    };
    fields.finish()?;
    Ok(Some(spans))
}

fn uniform(fields: &Fields<'_>) -> Result<SpanDistribution, Diagnostic> {
    let min = fields.find(&MIN)?.duration()?.needed()?;
    let max = fields.find(&MAX)?.duration()?.needed()?;
    if min > max {
        let message = format!("`{}.max` is {max}, less than min = {min}", fields.path());
        return Err(fields.error(MAX.name, message).help("raise max or lower min"));
    }
    Ok(SpanDistribution::Uniform { min, max })
}

/// A time that is longer than nothing.
fn some(fields: &Fields<'_>, setting: &'static Setting) -> Result<Span, Diagnostic> {
    let span = fields.find(setting)?.duration()?.needed()?;
    if span == Span::ZERO {
        let message = format!("`{}.{}` must be longer than nothing", fields.path(), setting.name);
        let help = format!("write {} = \"50ms\", or \"0s\" in the place of the table", setting.name);
        return Err(fields.error(setting.name, message).help(help));
    }
    Ok(span)
}
