//! What `compare` compares: scenarios, or one with other values of some keys.

use std::path::Path;

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::config::axis::{Axis, KeysSeen};
use crate::study::{Base, Plan, Variation};

/// More are not looked at side by side: that is what a sweep is for.
const MOST_VARIATIONS: usize = 100;

/// All scenarios with all combinations of the values that each `KEY=VALUES` of `vary` gives. Without `names` they are
/// called as their files are.
pub fn of(scenarios: &[Base], names: &[String], vary: &[String]) -> Result<Vec<Variation>, Problem> {
    let files: Vec<Option<&Path>> = scenarios.iter().map(Base::file).collect();
    let plan = Plan::new(axes(vary)?);
    let plan = plan.filter(|plan| plan.points() * files.len() <= MOST_VARIATIONS);
    let Some(plan) = plan else {
        let message = format!("more than {MOST_VARIATIONS} variations are too many to compare");
        return Err(Diagnostic::new(message)
            .help("vary less, or use `tailcast sweep`")
            .into());
    };
    let mut variations = Vec::new();
    for (place, base) in scenarios.iter().enumerate() {
        let own = match names.get(place) {
            Some(name) => name.clone(),
            None => own_name(&files, base.file()),
        };
        for point in 0..plan.points() {
            variations.push(Variation {
                name: name(&plan, &own, point),
                base: base.clone(),
                changes: plan.flags(point),
            });
        }
    }
    if variations.len() < 2 {
        let message = "there is nothing to compare with";
        return Err(Diagnostic::new(message)
            .help("write --vary batching.policy=none,static,continuous, or name a second scenario")
            .into());
    }
    Ok(variations)
}

fn axes(vary: &[String]) -> Result<Vec<Axis>, Problem> {
    let axes = vary.iter().map(|text| {
        Axis::of_flag("--vary", text).map_err(|problem| Diagnostic::new(format!("--vary {text}: {problem}")))
    });
    let axes: Vec<Axis> = axes.collect::<Result<_, _>>()?;
    if axes.iter().any(|axis| axis.keys.iter().any(|key| key == "seed")) {
        let message = "--vary seed: all variations are compared with the same seeds";
        return Err(Diagnostic::new(message)
            .help("write --seeds 8 for eight of them")
            .into());
    }
    let mut seen = KeysSeen::default();
    if let Some(key) = axes.iter().flat_map(|axis| &axis.keys).find(|key| !seen.add(key)) {
        let message = format!("--vary: `{key}` varies twice");
        return Err(Diagnostic::new(message)
            .help("write all its values in one --vary")
            .into());
    }
    Ok(axes)
}

/// What a variation is called. One key that varies needs no name beside its values, if these are words.
fn name(plan: &Plan, own: &str, point: usize) -> String {
    let label = plan.label(point);
    match plan.values(point).as_slice() {
        [value] if own.is_empty() && value.parse::<f64>().is_err() => (*value).to_owned(),
        _ if own.is_empty() => label,
        _ if label.is_empty() => own.to_owned(),
        _ => format!("{own}, {label}"),
    }
}

/// What tells a scenario from the others; nothing if it is the only one.
fn own_name(files: &[Option<&Path>], file: Option<&Path>) -> String {
    if files.len() < 2 {
        return String::new();
    }
    let namesakes = files.iter().filter(|it| title(**it) == title(file));
    match file {
        Some(path) if namesakes.count() > 1 => path.display().to_string(),
        _ => title(file),
    }
}

fn title(file: Option<&Path>) -> String {
    let stem = file.and_then(Path::file_stem);
    stem.map_or_else(|| "demo".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
