//! `workload.prompt` and `workload.output`: how long they are.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::document::Value;
use super::fields::{Fields, Resolved};
use crate::workload::{LengthDistribution, Lengths, MOST_TOKENS, MixturePart, QuantileTable};

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
    read_level(fields, MOST_LEVELS).map(|(lengths, _)| lengths)
}

/// Reads a plain number, which is the same as `{ dist = "fixed", value = ... }`, or a table with a distribution.
pub fn read_number_or_table(
    fields: &Fields<'_>,
    name: &'static str,
    range: RangeInclusive<u32>,
    help: &str,
) -> Result<Lengths, Diagnostic> {
    let key = fields.key(name)?;
    if matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        return read(&key.table()?.expect("the key has a value"));
    }
    Ok(Lengths::fixed(key.count(range)?.required(help)?))
}

/// Reads lengths and, in a part of a mixture, their weight.
fn read_level(fields: &Fields<'_>, levels_left: u32) -> Result<(Lengths, Option<f64>), Diagnostic> {
    let kind = fields.key_or_alias("dist", &["distribution"])?.choice(&[
        ("fixed", Distribution::Fixed),
        ("uniform", Distribution::Uniform),
        ("lognormal", Distribution::LogNormal),
        ("gamma", Distribution::Gamma),
        ("exponential", Distribution::Exponential),
        ("zipf", Distribution::Zipf),
        ("pareto", Distribution::Pareto),
        ("mixture", Distribution::Mixture),
        ("quantiles", Distribution::Quantiles),
    ])?;
    let kind = kind
        .required("write dist = \"lognormal\", median = 512 and sigma = 0.8, or dist = \"fixed\" and value = 512")?
        .value;
    let weight = if levels_left < MOST_LEVELS {
        let weight = fields.key("weight")?.number(0.0..=1e9)?;
        Some(weight.required("write weight = 0.5, the share of this part")?)
    } else {
        None
    };
    let distribution = read_distribution(fields, kind, levels_left)?;
    let lengths = with_limits(fields, kind, distribution)?;
    fields.finish()?;
    Ok((lengths, weight))
}

fn read_distribution(
    fields: &Fields<'_>,
    kind: Distribution,
    levels_left: u32,
) -> Result<LengthDistribution, Diagnostic> {
    Ok(match kind {
        Distribution::Fixed => LengthDistribution::Fixed {
            value: tokens(fields, "value")?,
        },
        Distribution::Uniform => LengthDistribution::Uniform {
            min: tokens(fields, "min")?,
            max: tokens(fields, "max")?,
        },
        Distribution::LogNormal => LengthDistribution::LogNormal {
            median: mean(fields, "median")?,
            sigma: fields
                .key("sigma")?
                .number(0.0..=20.0)?
                .required("write sigma = 0.8, the standard deviation of the logarithm")?,
        },
        Distribution::Gamma => LengthDistribution::Gamma {
            mean: mean(fields, "mean")?,
            cv: fields
                .key("cv")?
                .number(0.001..=1000.0)?
                .required("write cv = 1.2, the standard deviation divided by the mean")?,
        },
        Distribution::Exponential => LengthDistribution::Exponential {
            mean: mean(fields, "mean")?,
        },
        Distribution::Zipf => LengthDistribution::Zipf {
            exponent: fields
                .key("exponent")?
                .number(0.0..=100.0)?
                .required("write exponent = 1.1")?,
            max: tokens(fields, "max")?,
        },
        Distribution::Pareto => LengthDistribution::Pareto {
            min: mean(fields, "min")?,
            shape: fields
                .key("shape")?
                .number(0.01..=1000.0)?
                .required("write shape = 1.5")?,
        },
        Distribution::Mixture => LengthDistribution::Mixture {
            parts: parts(fields, levels_left)?,
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
        lengths.min = fields.key("min")?.count(1..=MOST_TOKENS)?.or(1, "the least there is");
    }
    if !matches!(kind, Distribution::Uniform | Distribution::Zipf) {
        let max = fields.key("max")?.count(1..=MOST_TOKENS)?;
        lengths.max = max.or(MOST_TOKENS, "no limit");
    }
    Ok(lengths)
}

fn parts(fields: &Fields<'_>, levels_left: u32) -> Result<Vec<MixturePart>, Diagnostic> {
    const EXAMPLE: &str = "write parts = [{ weight = 0.7, dist = \"fixed\", value = 100 }, \
                           { weight = 0.3, dist = \"fixed\", value = 900 }]";
    let Some(list) = fields.key("parts")?.list()? else {
        return Err(fields
            .error("parts", format!("`{}.parts` is missing", fields.path()))
            .help(EXAMPLE));
    };
    if levels_left == 0 {
        let message = format!("`{}` mixes mixtures more than {MOST_LEVELS} levels deep", fields.path());
        return Err(fields.error("parts", message).help("list the parts in one mixture"));
    }
    list.into_iter()
        .map(|item| {
            let part = item.table()?.expect("an entry of a list has a value");
            let (lengths, weight) = read_level(&part, levels_left - 1)?;
            Ok(MixturePart {
                weight: weight.expect("a part has a weight"),
                lengths,
            })
        })
        .collect()
}

fn quantiles(fields: &Fields<'_>) -> Result<Arc<QuantileTable>, Diagnostic> {
    let path = fields.key("path")?.path()?.unnoted().ok_or_else(|| {
        fields
            .error("path", format!("`{}.path` is missing", fields.path()))
            .help("write path = \"lengths.csv\", a file with the columns quantile and tokens")
    })?;
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

fn tokens(fields: &Fields<'_>, name: &'static str) -> Result<u32, Diagnostic> {
    fields
        .key(name)?
        .count(1..=MOST_TOKENS)?
        .required(&format!("write {name} = 512, in tokens"))
}

fn mean(fields: &Fields<'_>, name: &'static str) -> Result<f64, Diagnostic> {
    fields
        .key(name)?
        .positive(f64::from(MOST_TOKENS))?
        .required(&format!("write {name} = 512, in tokens"))
}
