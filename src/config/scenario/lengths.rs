//! `workload.prompt` and `workload.output`: how long they are.

use std::sync::Arc;

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::settings::{Kind, Setting, Variant};
use crate::workload::{LengthDistribution, Lengths, MOST_TOKENS, MixturePart, QuantileTable};

/// The key `workload.prompt`: how long prompts are.
pub(super) const PROMPT: Setting = Setting::new("prompt", DISTRIBUTION, "How long prompts are")
    .unit("tokens")
    .required("write prompt = { dist = \"lognormal\", median = 512, sigma = 0.8, max = 8000 }");
/// The key `workload.output`: how long outputs are.
pub(super) const OUTPUT: Setting = Setting::new(
    "output",
    Kind::Either(&[TOKENS_OR_NONE, OUTPUTS]),
    "How long outputs are; 0 if requests ask for no token, but for an embedding or a score of their prompts",
)
.unit("tokens")
.required("write output = { dist = \"lognormal\", median = 200, sigma = 0.6, max = 2000 }");
/// A distribution of lengths.
pub(super) const DISTRIBUTION: Kind = Kind::Tagged {
    tag: &DIST,
    variants: &VARIANTS,
    common: &[],
};

/// A distribution of lengths of outputs, which may all be 0.
const OUTPUTS: Kind = Kind::Tagged {
    tag: &DIST,
    variants: &OUTPUT_VARIANTS,
    common: &[],
};

const DIST: Setting = Setting::new("dist", Kind::Text, "The kind of distribution")
    .or(&["distribution"])
    .required("write dist = \"lognormal\", median = 512 and sigma = 0.8, or dist = \"fixed\" and value = 512");

static VARIANTS: [Variant; 9] = [
    Variant {
        name: "fixed",
        help: "Always as long",
        settings: &[&VALUE, &MIN, &MAX],
    },
    Variant {
        name: "uniform",
        help: "Each length from min to max as likely as any other",
        settings: &[&SHORTEST, &LONGEST],
    },
    Variant {
        name: "lognormal",
        help: "The logarithm has a normal distribution",
        settings: &[&MEDIAN, &SIGMA, &MIN, &MAX],
    },
    Variant {
        name: "gamma",
        help: "A Gamma distribution",
        settings: &[&MEAN, &CV, &MIN, &MAX],
    },
    Variant {
        name: "exponential",
        help: "An exponential distribution",
        settings: &[&MEAN, &MIN, &MAX],
    },
    Variant {
        name: "zipf",
        help: "Zipf's law: the chance of a length is its power by the exponent, negative",
        settings: &[&EXPONENT, &LONGEST, &MIN],
    },
    Variant {
        name: "pareto",
        help: "Pareto's law: a heavy tail above the scale min",
        settings: &[&SCALE, &SHAPE, &MAX],
    },
    Variant {
        name: "mixture",
        help: "One of several distributions, drawn by their weights",
        settings: &[&PARTS, &MIN, &MAX],
    },
    Variant {
        name: "quantiles",
        help: "Measured lengths, as a table of quantiles",
        settings: &[&PATH, &MIN, &MAX],
    },
];

/// Those of outputs.
static OUTPUT_VARIANTS: [Variant; 9] = {
    let mut variants = VARIANTS;
    variants[0].settings = &[&VALUE_OR_NONE, &MIN, &MAX];
    variants
};

const TOKENS: Kind = Kind::Count {
    min: 1,
    max: MOST_TOKENS,
};
const POSITIVE: Kind = Kind::Positive {
    max: MOST_TOKENS as f64,
};
const VALUE: Setting = Setting::new("value", TOKENS, "The length")
    .unit("tokens")
    .required("write value = 512, in tokens");
const TOKENS_OR_NONE: Kind = Kind::Count {
    min: 0,
    max: MOST_TOKENS,
};
const VALUE_OR_NONE: Setting = Setting::new("value", TOKENS_OR_NONE, "The length; 0 if requests ask for no token")
    .unit("tokens")
    .required("write value = 512, in tokens");
const SHORTEST: Setting = Setting::new("min", TOKENS, "The shortest length")
    .unit("tokens")
    .required("write min = 512, in tokens");
const LONGEST: Setting = Setting::new("max", TOKENS, "The longest length")
    .unit("tokens")
    .required("write max = 512, in tokens");
const MEDIAN: Setting = Setting::new("median", POSITIVE, "The median")
    .unit("tokens")
    .required("write median = 512, in tokens");
const SIGMA: Setting = Setting::new(
    "sigma",
    Kind::Number { min: 0.0, max: 20.0 },
    "The standard deviation of the logarithm",
)
.required("write sigma = 0.8, the standard deviation of the logarithm");
const MEAN: Setting = Setting::new("mean", POSITIVE, "The mean, before min and max cut lengths")
    .unit("tokens")
    .required("write mean = 512, in tokens");
const CV: Setting = Setting::new(
    "cv",
    Kind::Number {
        min: 0.001,
        max: 1000.0,
    },
    "The standard deviation divided by the mean",
)
.required("write cv = 1.2, the standard deviation divided by the mean");
const EXPONENT: Setting = Setting::new(
    "exponent",
    Kind::Number { min: 0.0, max: 100.0 },
    "The exponent of the law",
)
.required("write exponent = 1.1");
const SCALE: Setting = Setting::new("min", POSITIVE, "The scale, which no length is below")
    .unit("tokens")
    .required("write min = 512, in tokens");
const SHAPE: Setting = Setting::new(
    "shape",
    Kind::Number { min: 0.01, max: 1000.0 },
    "The exponent of the tail; the smaller, the heavier",
)
.required("write shape = 1.5");
static PARTS: Setting = Setting::new("parts", Kind::List(&PART), "The distributions, each with its weight").required(
    "write parts = [{ weight = 0.7, dist = \"fixed\", value = 100 }, { weight = 0.3, dist = \"fixed\", value = 900 }]",
);
static PART: Kind = Kind::Tagged {
    tag: &DIST,
    variants: &VARIANTS,
    common: &[&WEIGHT],
};
const WEIGHT: Setting = Setting::new(
    "weight",
    Kind::Number { min: 0.0, max: 1e9 },
    "The share of this part, in proportion to the other parts",
)
.required("write weight = 0.5, the share of this part");
const PATH: Setting = Setting::new("path", Kind::Path, "A CSV file with the columns quantile and tokens")
    .required("write path = \"lengths.csv\", a file with the columns quantile and tokens");
const MIN: Setting = Setting::new("min", TOKENS, "Shorter lengths become this one")
    .unit("tokens")
    .default("1", "the least there is");
const MAX: Setting = Setting::new("max", TOKENS, "Longer lengths become this one")
    .unit("tokens")
    .default("1000000000", "no limit");

#[derive(Clone, Copy)]
enum Distribution {
    Fixed,
    Uniform,
    LogNormal,
    Gamma,
    Exponential,
    Zipf,
    Pareto,
    Mixture,
    Quantiles,
}

/// Tables in tables beyond this are not read, as they would exhaust the stack long before they made sense.
const MOST_LEVELS: u32 = 8;

/// Reads `{ dist = ..., min = ..., max = ..., ... }`.
pub fn read(fields: &Fields<'_>) -> Result<Lengths, Diagnostic> {
    read_level(fields, MOST_LEVELS, &VALUE).map(|(lengths, _)| lengths)
}

/// Reads a plain number, which is the same as `{ dist = "fixed", value = ... }`, or a table with a distribution.
pub fn read_number_or_table(fields: &Fields<'_>, setting: &'static Setting) -> Result<Lengths, Diagnostic> {
    let key = fields.find(setting)?;
    if matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        return read(&key.table()?.expect("the key has a value"));
    }
    Ok(Lengths::fixed(key.declared_count()?.needed()?))
}

/// Reads the lengths of outputs: a plain number, or a table. All are 0, or none is.
pub fn read_output(fields: &Fields<'_>) -> Result<Lengths, Diagnostic> {
    let key = fields.find(&OUTPUT)?;
    if matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        let table = key.table()?.expect("the key has a value");
        return read_level(&table, MOST_LEVELS, &VALUE_OR_NONE).map(|(lengths, _)| lengths);
    }
    Ok(Lengths::fixed(key.declared_count()?.needed()?))
}

const ALL_OR_NONE: &str = "write at least 1; or output = 0 where all requests ask for an embedding or a score";

/// Reads lengths, of which a fixed one is written as `value`, and, in a part of a mixture, their weight.
fn read_level(
    fields: &Fields<'_>,
    levels_left: u32,
    value: &'static Setting,
) -> Result<(Lengths, Option<f64>), Diagnostic> {
    let kind = fields.find(&DIST)?.variant(
        &VARIANTS,
        [
            Distribution::Fixed,
            Distribution::Uniform,
            Distribution::LogNormal,
            Distribution::Gamma,
            Distribution::Exponential,
            Distribution::Zipf,
            Distribution::Pareto,
            Distribution::Mixture,
            Distribution::Quantiles,
        ],
    )?;
    let weight = if levels_left < MOST_LEVELS {
        Some(fields.find(&WEIGHT)?.declared_number()?.needed()?)
    } else {
        None
    };
    let distribution = read_distribution(fields, kind, (levels_left, value))?;
    let lengths = with_limits(fields, kind, distribution)?;
    fields.finish()?;
    Ok((lengths, weight))
}

fn read_distribution(
    fields: &Fields<'_>,
    kind: Distribution,
    (levels_left, value): (u32, &'static Setting),
) -> Result<LengthDistribution, Diagnostic> {
    let count = |setting| fields.find(setting)?.declared_count()?.needed();
    let number = |setting| fields.find(setting)?.declared_number()?.needed();
    Ok(match kind {
        Distribution::Fixed => LengthDistribution::Fixed { value: count(value)? },
        Distribution::Uniform => LengthDistribution::Uniform {
            min: count(&SHORTEST)?,
            max: count(&LONGEST)?,
        },
        Distribution::LogNormal => LengthDistribution::LogNormal {
            median: number(&MEDIAN)?,
            sigma: number(&SIGMA)?,
        },
        Distribution::Gamma => LengthDistribution::Gamma {
            mean: number(&MEAN)?,
            cv: number(&CV)?,
        },
        Distribution::Exponential => LengthDistribution::Exponential { mean: number(&MEAN)? },
        Distribution::Zipf => LengthDistribution::Zipf {
            exponent: number(&EXPONENT)?,
            max: count(&LONGEST)?,
        },
        Distribution::Pareto => LengthDistribution::Pareto {
            min: number(&SCALE)?,
            shape: number(&SHAPE)?,
        },
        Distribution::Mixture => LengthDistribution::Mixture {
            parts: parts(fields, levels_left, value)?,
        },
        Distribution::Quantiles => LengthDistribution::Quantiles(quantiles(fields)?),
    })
}

/// `min` and `max`, which limit every distribution; some have them as settings of their own.
fn with_limits(
    fields: &Fields<'_>,
    kind: Distribution,
    distribution: LengthDistribution,
) -> Result<Lengths, Diagnostic> {
    let mut lengths = Lengths::new(distribution);
    if !matches!(kind, Distribution::Uniform | Distribution::Pareto) {
        lengths.min = fields.find(&MIN)?.declared_count()?.or_default();
    }
    if !matches!(kind, Distribution::Uniform | Distribution::Zipf) {
        lengths.max = fields.find(&MAX)?.declared_count()?.or_default();
    }
    Ok(lengths)
}

fn parts(fields: &Fields<'_>, levels_left: u32, value: &'static Setting) -> Result<Vec<MixturePart>, Diagnostic> {
    let Some(list) = fields.find(&PARTS)?.list()? else {
        return Err(fields.missing(&PARTS));
    };
    if levels_left == 0 {
        let message = format!("`{}` mixes mixtures more than {MOST_LEVELS} levels deep", fields.path());
        return Err(fields.error("parts", message).help("list the parts in one mixture"));
    }
    list.into_iter()
        .map(|item| {
            let part = item.table()?.expect("an entry of a list has a value");
            let (lengths, weight) = read_level(&part, levels_left - 1, value)?;
            if lengths.are_none() {
                let message = format!(
                    "`{}.value` is 0, and either all requests have an output or none has",
                    part.path()
                );
                return Err(part.error("value", message).help(ALL_OR_NONE));
            }
            Ok(MixturePart {
                weight: weight.expect("a part has a weight"),
                lengths,
            })
        })
        .collect()
}

fn quantiles(fields: &Fields<'_>) -> Result<Arc<QuantileTable>, Diagnostic> {
    let path = fields.find(&PATH)?.path()?.unnoted();
    let path = path.ok_or_else(|| fields.missing(&PATH))?;
    fields.reading().note_file(&path);
    let table = fields.reading().files.quantiles(&path);
    let table = table.map_err(|error| fields.error("path", error.to_string()))?;
    fields.reading().note(Resolved {
        key: format!("{}.path", fields.path()),
        value: path.display().to_string(),
        content: Some(format!("{table:?}")),
        origin: fields.reading().texts.line_of(fields.place()),
        is_default: false,
    });
    Ok(table)
}
