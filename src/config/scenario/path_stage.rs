//! `[[path.stage]]`: one stage, as it is written.

use super::span_distribution::{self, SPANS};
use super::stage_outages::{self, DOWN, MTBF, REPAIR};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::path::{MOST_CALLS, PathStation, StageOutages, StageWork};
use crate::settings::{Kind, Setting};
use crate::workload::SpanDistribution;

/// The stage that is the model.
pub(super) const MODEL_STAGE: &str = "llm";
/// The stage that takes as long as a query of `[retrieval]`, unless it says how long itself.
const RETRIEVAL_STAGE: &str = "retrieval";
/// The fallback that stands for none.
pub(super) const SKIP: &str = "skip";

/// Its keys.
pub(super) const KEYS: &[&Setting] = &[
    &NAME,
    &DELAY,
    &SERVERS,
    &SERVICE,
    &QUEUE,
    &BATCH,
    &AFTER,
    &TIMES,
    &BETWEEN_CALLS,
    &RESULT_TOKENS,
    &FALLBACK,
    &MTBF,
    &REPAIR,
    &DOWN,
];
pub(super) const NAME: Setting = Setting::new(
    "name",
    Kind::Text,
    "What the stage is called in results and by other stages; the one called `llm` is the model: the simulated server \
     or fleet",
)
.required("write name = \"retrieval\", or name = \"llm\" for the model");
const DELAY: Setting = Setting::new("delay", SPANS, "How long a request is there, whoever else is").depends(
    "it is a station, as `servers` says, or the model; of the stage `retrieval`, as long as a query of `[retrieval]`",
);
const SERVERS: Setting = Setting::new(
    "servers",
    Kind::Count { min: 1, max: 100_000 },
    "How many servers the stage has, which take requests in the order of their coming",
)
.unit("servers")
.depends("requests do not wait there for others, as `delay` says");
const SERVICE: Setting = Setting::new(
    "service",
    SPANS,
    "How long a server takes for a request, or for those whom it serves together",
)
.depends("it has to be written with `servers`");
const QUEUE: Setting = Setting::new(
    "queue",
    Kind::Count {
        min: 0,
        max: 1_000_000_000,
    },
    "How many requests may wait for a server; others are refused",
)
.unit("requests")
.depends("any number may wait");
const BATCH: Setting = Setting::new(
    "batch",
    Kind::Count { min: 1, max: 100_000 },
    "How many requests that wait a server serves together at most",
)
.unit("requests")
.depends("each is served by itself");
pub(super) const AFTER: Setting = Setting::new(
    "after",
    Kind::List(&Kind::Text),
    "The stages that have to be passed before; [] if it starts with the request",
)
.depends("it follows the stage that is written before it");
pub(super) const TIMES: Setting = Setting::new(
    "times",
    Kind::Count {
        min: 1,
        max: MOST_CALLS,
    },
    "How often the stage is passed, one time after the other; of `llm`, how many calls a request makes, each with all \
     that was said before",
)
.default("1", "a stage is passed once");
pub(super) const BETWEEN_CALLS: Setting = Setting::new(
    "between_calls",
    Kind::Boolean,
    "Whether the stage is passed between two calls of the model, as the tools of an agent are",
)
.default("false", "a stage is passed once on the way");
const RESULT_TOKENS: Setting = Setting::new(
    "result_tokens",
    Kind::Count {
        min: 0,
        max: 10_000_000,
    },
    "What a stage between two calls adds to the prompt of the next one",
)
.unit("tokens")
.depends("nothing");
pub(super) const FALLBACK: Setting = Setting::new(
    "fallback",
    Kind::Text,
    "What is done if the stage refuses a request or does not answer: the name of a stage that stands in for it, or \
     \"skip\" to go on without it",
)
.depends("the path has failed");

/// A stage as it is written.
#[derive(Debug)]
pub(super) struct WrittenPathStage<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) name: String,
    pub(super) work: StageWork,
    pub(super) after: Option<Vec<String>>,
    pub(super) times: u32,
    /// What it adds to a prompt, if it stands between two calls.
    pub(super) between_calls: Option<u32>,
    pub(super) fallback: Option<String>,
    pub(super) outages: StageOutages,
}

/// Reads a stage.
pub(super) fn read(fields: Fields<'_>, query: Option<SpanDistribution>) -> Result<WrittenPathStage<'_>, Diagnostic> {
    let name = fields.find(&NAME)?.text()?.needed()?;
    check_name(&fields, &name)?;
    let work = read_work(&fields, &name, query)?;
    let after = read_after(&fields)?;
    let times = fields.find(&TIMES)?.declared_count()?.or_default();
    let is_between = fields.find(&BETWEEN_CALLS)?.boolean()?.or_default();
    let result_tokens = fields.find(&RESULT_TOKENS)?.declared_count()?.optional();
    let fallback = fields.find(&FALLBACK)?.text()?.optional();
    let outages = stage_outages::read(&fields)?;
    fields.finish()?;
    if result_tokens.is_some() && !is_between {
        let message = format!("`{}.result_tokens` says nothing of a stage on the way", fields.path());
        let help = "write between_calls = true if it is a tool of an agent, or leave the key out";
        return Err(fields.error(RESULT_TOKENS.name, message).help(help));
    }
    if name == MODEL_STAGE && outages != StageOutages::Never {
        let message = "the stage `llm` is the simulated servers, whose failures are those of the fleet";
        let help = "write [[fleet.fault]] in the place of mtbf, repair and down";
        return Err(fields.error("", message).help(help));
    }
    if name == MODEL_STAGE && is_between {
        let message = "the stage `llm` is what others stand between";
        return Err(fields
            .error(BETWEEN_CALLS.name, message)
            .help("leave between_calls out"));
    }
    Ok(WrittenPathStage {
        name,
        work,
        after,
        times,
        between_calls: is_between.then_some(result_tokens.unwrap_or(0)),
        fallback,
        outages,
        fields,
    })
}

fn check_name(fields: &Fields<'_>, name: &str) -> Result<(), Diagnostic> {
    if name == SKIP {
        let message = "`skip` is no name of a stage: as a fallback it stands for none";
        return Err(fields.error(NAME.name, message).help("call the stage otherwise"));
    }
    if name.starts_with("llm.") {
        let message = format!("`{name}` is no name of a stage: results call the parts of `llm` so");
        return Err(fields.error(NAME.name, message).help("call the stage otherwise"));
    }
    Ok(())
}

fn read_work(fields: &Fields<'_>, name: &str, query: Option<SpanDistribution>) -> Result<StageWork, Diagnostic> {
    let delay = span_distribution::read(fields.find(&DELAY)?)?;
    let servers = fields.find(&SERVERS)?.declared_count()?.optional();
    let service = span_distribution::read(fields.find(&SERVICE)?)?;
    let queue = fields.find(&QUEUE)?.declared_count()?.optional();
    let batch = fields.find(&BATCH)?.declared_count()?.optional();
    let of_station = [
        (SERVICE.name, service.is_some()),
        (QUEUE.name, queue.is_some()),
        (BATCH.name, batch.is_some()),
    ];
    if name == MODEL_STAGE {
        let written = [(DELAY.name, delay.is_some()), (SERVERS.name, servers.is_some())];
        return match written.iter().chain(&of_station).find(|(_, is_written)| *is_written) {
            None => Ok(StageWork::Model),
            Some((key, _)) => {
                let message = format!("the stage `llm` is the simulated servers: it has no `{key}` of its own");
                let help = "leave the key out; [server], [batching] and [fleet] say what they are";
                Err(fields.error(key, message).help(help))
            }
        };
    }
    let Some(servers) = servers else {
        if let Some((key, _)) = of_station.iter().find(|(_, is_written)| *is_written) {
            let message = format!(
                "`{}.{key}` is of a stage with servers, and this has none",
                fields.path()
            );
            return Err(fields.error(key, message).help("write servers = 4, how many there are"));
        }
        let message = format!("`{}` does not say how long it takes", fields.path());
        let help = "write delay = \"20ms\", or servers = 4 and service = \"20ms\" if requests wait for each other";
        let query = query.filter(|_| name == RETRIEVAL_STAGE && delay.is_none());
        if let Some(query) = &query {
            note_query(fields, query);
        }
        return delay
            .or(query)
            .map(StageWork::Delay)
            .ok_or_else(|| fields.error("", message).help(help));
    };
    if delay.is_some() {
        let message = format!("`{0}.delay` and `{0}.servers` exclude each other", fields.path());
        let help = "keep delay if requests do not wait for each other, else servers and service";
        return Err(fields.error(DELAY.name, message).help(help));
    }
    let service: SpanDistribution = service.ok_or_else(|| {
        let error = fields.error("", format!("`{}.service` is missing", fields.path()));
        error.help("write service = \"20ms\", how long a server takes for a request")
    })?;
    Ok(StageWork::Station(PathStation {
        servers,
        service,
        queue,
        batch: batch.unwrap_or(1),
    }))
}

/// Says what stands in the place of a delay.
fn note_query(fields: &Fields<'_>, query: &SpanDistribution) {
    let SpanDistribution::LogNormal { median, sigma } = query else {
        return;
    };
    fields.reading().note(Resolved {
        key: format!("{}.delay", fields.path()),
        value: format!("{{ dist = \"lognormal\", median = \"{median}\", sigma = {sigma:.3} }}"),
        content: None,
        origin: "what a query takes, by [retrieval]".to_owned(),
        is_default: true,
    });
}

fn read_after(fields: &Fields<'_>) -> Result<Option<Vec<String>>, Diagnostic> {
    let key = fields.find(&AFTER)?;
    let (path, place) = (key.path.clone(), key.node.map(|node| node.place));
    let (Some(list), Some(place)) = (key.list()?, place) else {
        return Ok(None);
    };
    let mut names = Vec::new();
    for key in list {
        names.extend(key.text()?.unnoted());
    }
    let reading = fields.reading();
    reading.note(Resolved {
        key: path,
        value: format!("{names:?}"),
        content: None,
        origin: reading.texts.line_of(place),
        is_default: false,
    });
    Ok(Some(names))
}
