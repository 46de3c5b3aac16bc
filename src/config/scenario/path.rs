//! `[path]`: the way of a request from its client to the model and back.

use super::path_stage::{self, AFTER, FALLBACK, KEYS, MODEL_STAGE, NAME, SKIP, TIMES, WrittenPathStage};
use crate::config::reader::diagnostic::{Diagnostic, did_you_mean};
use crate::config::reader::fields::Fields;
use crate::path::{PathFallback, PathStage, PlaceOnPath, RequestPath, StageWork};
use crate::settings::{Kind, Setting};
use crate::workload::SpanDistribution;

/// The table `[path]`.
pub(super) const PATH: Setting = Setting::new(
    "path",
    Kind::Table(&[&STAGE]),
    "The way of a request from its client to the model and back; without it clients speak to the servers themselves",
);
const STAGE: Setting = Setting::new(
    "stage",
    Kind::List(&Kind::Table(KEYS)),
    "The stages of the path: a table [[path.stage]] for each, one of them called `llm`",
)
.depends("there is no path");

/// More of them are a slip of the pen.
const MOST_STAGES: usize = 200;

/// Reads the path of requests to servers, the longest requests of which have so many tokens; `None` if none is written.
/// The stage `retrieval` takes as long as a query, where it is known how long that is and nothing else is written.
pub(super) fn read(
    fields: &Fields<'_>,
    max_model_len: u32,
    query: Option<SpanDistribution>,
) -> Result<Option<RequestPath>, Diagnostic> {
    let list = fields.find(&STAGE)?.list()?.unwrap_or_default();
    let mut written: Vec<WrittenPathStage<'_>> = Vec::new();
    for key in list {
        let Some(stage) = key.table()? else { continue };
        let stage = path_stage::read(stage, query)?;
        if written.iter().any(|other| other.name == stage.name) {
            let message = format!(
                "`{}.name` is {:?}, the name of a stage before it",
                stage.fields.path(),
                stage.name
            );
            return Err(stage
                .fields
                .error(NAME.name, message)
                .help("give each stage a name of its own"));
        }
        written.push(stage);
    }
    fields.finish()?;
    if written.is_empty() {
        return Ok(None);
    }
    if written.len() > MOST_STAGES {
        let message = format!("`path` has {} stages, and {MOST_STAGES} are the most", written.len());
        return Err(fields.error(STAGE.name, message).help("write fewer"));
    }
    let Some(model) = written.iter().position(|stage| stage.work == StageWork::Model) else {
        let message = "`path` has no stage called `llm`, which is the model";
        let help = "write [[path.stage]] with name = \"llm\" where the model stands";
        return Err(fields.error(STAGE.name, message).help(help));
    };
    let places = Places::of(&written)?;
    let stages = written.iter().enumerate();
    let stages = stages.map(|(place, stage)| PathStage {
        name: stage.name.clone(),
        work: stage.work,
        place: places.places[place].clone(),
        times: stage.times,
        outages: stage.outages.clone(),
        fallback: places.fallbacks[place],
    });
    let path = RequestPath {
        stages: stages.collect(),
        model,
        max_model_len,
    };
    refuse_circles(&written, &path)?;
    warn_of_idle_stages(fields, &path);
    Ok(Some(path))
}

/// Where each stage stands, and what stands in for it.
struct Places {
    places: Vec<PlaceOnPath>,
    fallbacks: Vec<PathFallback>,
}

impl Places {
    fn of(written: &[WrittenPathStage<'_>]) -> Result<Self, Diagnostic> {
        let fallbacks = written.iter().map(|stage| fallback(stage, written));
        let fallbacks = fallbacks.collect::<Result<Vec<_>, _>>()?;
        let is_aside = |place: usize| fallbacks.contains(&PathFallback::Stage(place));
        let mut places: Vec<PlaceOnPath> = Vec::new();
        let mut before = None;
        for (place, stage) in written.iter().enumerate() {
            let is_on_path = !is_aside(place) && stage.between_calls.is_none();
            if !is_on_path && stage.after.is_some() {
                return Err(stands_elsewhere(stage, AFTER.name));
            }
            if is_aside(place) && (stage.between_calls.is_some() || stage.work == StageWork::Model) {
                return Err(stands_elsewhere(stage, NAME.name));
            }
            places.push(match (stage.between_calls, &stage.after) {
                (Some(result_tokens), _) => PlaceOnPath::BetweenCalls { result_tokens },
                (None, _) if !is_on_path => PlaceOnPath::Aside,
                (None, None) => PlaceOnPath::After(before.into_iter().collect()),
                (None, Some(names)) => PlaceOnPath::After(named(stage, names, written)?),
            });
            if is_on_path {
                before = Some(place);
            }
        }
        refuse_after_others(written, &places)?;
        Ok(Self { places, fallbacks })
    }
}

fn fallback(stage: &WrittenPathStage<'_>, written: &[WrittenPathStage<'_>]) -> Result<PathFallback, Diagnostic> {
    let Some(name) = &stage.fallback else {
        return Ok(PathFallback::Fail);
    };
    if name == SKIP {
        return Ok(PathFallback::Skip);
    }
    if *name == stage.name {
        let message = format!("`{}.fallback` is the stage itself", stage.fields.path());
        let help = "write the name of another stage, or fallback = \"skip\" to go on without it";
        return Err(stage.fields.error(FALLBACK.name, message).help(help));
    }
    let place = place_of(stage, FALLBACK.name, name, written)?;
    Ok(PathFallback::Stage(place))
}

fn named(
    stage: &WrittenPathStage<'_>,
    names: &[String],
    written: &[WrittenPathStage<'_>],
) -> Result<Vec<usize>, Diagnostic> {
    let places = names.iter().map(|name| place_of(stage, AFTER.name, name, written));
    let mut places = places.collect::<Result<Vec<_>, _>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

fn place_of(
    stage: &WrittenPathStage<'_>,
    key: &'static str,
    name: &str,
    written: &[WrittenPathStage<'_>],
) -> Result<usize, Diagnostic> {
    let found = written.iter().position(|other| other.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = written.iter().map(|other| other.name.as_str()).collect();
        let message = format!("`{}.{key}`: there is no stage called {name:?}", stage.fields.path());
        let error = stage.fields.error(key, message);
        let error = match did_you_mean(name, names.iter().copied()) {
            Some(hint) => error.help(hint),
            None => error,
        };
        error.help(format!("stages: {}", names.join(", ")))
    })
}

/// A stage is both on the path and a fallback, or between calls.
fn stands_elsewhere(stage: &WrittenPathStage<'_>, key: &'static str) -> Diagnostic {
    let what = if stage.between_calls.is_some() {
        "between two calls of the model"
    } else {
        "the fallback of another stage"
    };
    let message = format!("the stage {:?} is {what}, and on the path itself", stage.name);
    let help = "a fallback is used for nothing else, and has no `after`; write a stage of its own for it";
    stage.fields.error(key, message).help(help)
}

fn refuse_after_others(written: &[WrittenPathStage<'_>], places: &[PlaceOnPath]) -> Result<(), Diagnostic> {
    for (stage, place) in written.iter().zip(places) {
        let PlaceOnPath::After(before) = place else { continue };
        let other = before
            .iter()
            .find(|&&other| !matches!(places[other], PlaceOnPath::After(_)));
        if let Some(&other) = other {
            let what = match places[other] {
                PlaceOnPath::BetweenCalls { .. } => "stands between two calls of the model",
                _ => "is a fallback of another stage",
            };
            let message = format!("`{}.after`: {:?} {what}", stage.fields.path(), written[other].name);
            let help = "name stages of the path itself: fallbacks and tools are passed for others";
            return Err(stage.fields.error(AFTER.name, message).help(help));
        }
    }
    Ok(())
}

/// Stages wait for each other, or stand in for each other, without end.
fn refuse_circles(written: &[WrittenPathStage<'_>], path: &RequestPath) -> Result<(), Diagnostic> {
    let mut passed = vec![false; path.stages.len()];
    let before = |place: usize| match &path.stages[place].place {
        PlaceOnPath::After(before) => &before[..],
        PlaceOnPath::BetweenCalls { .. } | PlaceOnPath::Aside => &[],
    };
    for _ in 0..path.stages.len() {
        for place in 0..path.stages.len() {
            passed[place] |= before(place).iter().all(|&other| passed[other]);
        }
    }
    if let Some(place) = passed.iter().position(|passed| !passed) {
        let stage = &written[place];
        let message = format!(
            "`{}.after`: the stages wait for each other in a circle",
            stage.fields.path()
        );
        let help = "a stage comes after stages that do not come after it";
        return Err(stage.fields.error(AFTER.name, message).help(help));
    }
    for (place, stage) in written.iter().enumerate() {
        let mut at = place;
        for _ in 0..=path.stages.len() {
            let PathFallback::Stage(next) = path.stages[at].fallback else {
                break;
            };
            if next == place {
                let message = format!(
                    "`{}.fallback`: the fallbacks stand in for each other",
                    stage.fields.path()
                );
                let help = "the last of them has another fallback, \"skip\", or none";
                return Err(stage.fields.error(FALLBACK.name, message).help(help));
            }
            at = next;
        }
    }
    Ok(())
}

fn warn_of_idle_stages(fields: &Fields<'_>, path: &RequestPath) {
    let is_between = |stage: &&PathStage| matches!(stage.place, PlaceOnPath::BetweenCalls { .. });
    if let Some(stage) = path.stages.iter().find(is_between).filter(|_| path.calls() == 1) {
        fields.reading().warn(format!(
            "the stage {:?} is never passed, as the model is called once; write {} = 3 in the stage `{MODEL_STAGE}`",
            stage.name, TIMES.name
        ));
    }
}
