//! `[workload]`: requests drawn at random or read from a trace.

use super::arrivals::{self, ARRIVALS};
use super::client::TIMEOUT;
use super::lengths::{self, OUTPUT, PROMPT};
use super::priority::{self, PRIORITY};
use super::rate::MOST_RATE_PER_S;
use super::sampling::SAMPLING;
use super::sharing::{self, PREFIX, PROMPT_POOL, SESSION};
use super::trace::{self, TRACE};
use super::warm_up::WARM_UP;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting};
use crate::stats::rounded;
use crate::units::{Span, Time};
use crate::workload::trace::{DrawnLengths, Replay};
use crate::workload::{Arrivals, Invalid, LengthDistribution, Lengths, MOST_TOKENS, Synthetic};

/// A run of more would not end [requests].
const MOST_REQUESTS: u64 = 1_000_000_000_000;
/// More would take terabytes of memory, whatever the server [requests].
const MOST_AT_ONCE: u64 = 10_000_000_000;

/// The table `[workload]`: who asks for what, and when.
pub(super) const WORKLOAD: Setting = Setting::new("workload", Kind::Table(KEYS), "Who asks for what, and when");
/// Its keys: those of requests first.
const KEYS: &[&Setting] = &[
    &ARRIVALS,
    &PROMPT,
    &OUTPUT,
    &MAX_TOKENS,
    &PREFIX,
    &PROMPT_POOL,
    &SESSION,
    &PRIORITY,
    &REQUESTS,
    &DURATION,
    &TRACE,
    &TIMEOUT,
    &SAMPLING,
    &WARM_UP,
    &RATE,
];
/// What of it is said of requests, and so of those of a class too: all but the keys of the whole run, which come last.
pub(super) const KEYS_OF_REQUESTS: &[&Setting] = KEYS.split_at(KEYS.len() - KEYS_OF_RUN.len()).0;
/// What of it is said of the whole run.
pub(super) const KEYS_OF_RUN: [&Setting; 3] = [&SAMPLING, &WARM_UP, &RATE];
/// The key `workload.rate`: the rate of several classes.
pub(super) const RATE: Setting = Setting::new(
    "rate",
    Kind::Positive { max: MOST_RATE_PER_S },
    "How many requests (sessions, where a class has them) all classes together send in the mean: the rates of each are \
     multiplied so that they come to that, and say only which part of it is whose; only beside [[class]]",
)
.unit("requests/s")
.depends("as much as the classes say");
/// The key `requests`.
pub(super) const REQUESTS: Setting = Setting::new(
    "requests",
    Kind::Integer {
        min: 1,
        max: MOST_REQUESTS,
    },
    "How many requests are sent",
)
.unit("requests")
.depends("as many as arrive within duration, one of which has to be written, or in the stages");
/// The key `duration`.
pub(super) const DURATION: Setting =
    Setting::new("duration", Kind::Duration, "For how long requests are sent").depends("until all requests are sent");
const MAX_TOKENS: Setting = Setting::new(
    "max_tokens",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "The most tokens that each request allows; a longer output is cut",
)
.unit("tokens")
.depends("exactly as many as each output has, which clients get who ask that stop tokens be ignored");

/// Who asks for what, and when.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Drawn at random.
    Synthetic(Synthetic),
    /// Recorded in a trace that is replayed.
    Trace(Replay),
}

impl Workload {
    /// Whether its arrivals have the same rate throughout, so that its runs have a steady state.
    pub const fn is_stationary(&self) -> bool {
        match self {
            Self::Synthetic(workload) => workload.arrivals.is_stationary(),
            Self::Trace(_) => false,
        }
    }

    /// Whether there are never more requests than clients.
    pub const fn is_closed_loop(&self) -> bool {
        match self {
            Self::Synthetic(workload) => workload.arrivals.is_closed_loop(),
            Self::Trace(replay) => replay.concurrency.is_some(),
        }
    }

    /// How many clients a closed loop has; `None` if it is none.
    pub const fn clients(&self) -> Option<u32> {
        match self {
            Self::Synthetic(Synthetic {
                arrivals: Arrivals::Closed { concurrency, .. },
                ..
            }) => Some(*concurrency),
            Self::Synthetic(_) => None,
            Self::Trace(replay) => replay.concurrency,
        }
    }

    /// The mean rate of its arrivals, or of the starts of its sessions [1/s]; `None` if it has none, or of a trace.
    pub fn mean_rate_per_s(&self) -> Option<f64> {
        match self {
            Self::Synthetic(workload) => workload.arrivals.mean_rate_per_s(),
            Self::Trace(_) => None,
        }
    }

    /// Its arrivals as a benchmark is told of them: requests a second, infinite if all are due at once or when the one
    /// before has ended, and how even the gaps are ([`BenchmarkLoad`](crate::config::BenchmarkLoad)). `None` of what
    /// such numbers do not say, as of sessions, stages and recorded arrivals.
    pub fn as_benchmarked(&self) -> (Option<f64>, Option<f64>) {
        match self {
            workload if workload.sends_at_once() => (Some(f64::INFINITY), Some(1.0)),
            Self::Synthetic(workload) if workload.session.is_none() => match workload.arrivals {
                Arrivals::AtOnce => (Some(f64::INFINITY), Some(1.0)),
                Arrivals::Poisson { rate_per_s } => (Some(rate_per_s), Some(1.0)),
                Arrivals::Gamma { rate_per_s, cv } => (Some(rate_per_s), Some(1.0 / (cv * cv))),
                Arrivals::Weibull { rate_per_s, .. } | Arrivals::Constant { rate_per_s } => (Some(rate_per_s), None),
                _ => (None, None),
            },
            _ => (None, None),
        }
    }

    /// Whether it says how urgent requests are. Of a trace only its rows do.
    pub const fn has_priorities(&self) -> bool {
        matches!(self, Self::Synthetic(workload) if workload.priority.is_some())
    }

    /// Whether a client sends its next request when the one before ends, without a pause.
    pub fn sends_at_once(&self) -> bool {
        match self {
            Self::Synthetic(workload) => workload.arrivals.is_closed_loop_without_think(),
            Self::Trace(replay) => replay.concurrency.is_some(),
        }
    }

    /// How long clients wait for an answer, if they ever give up.
    pub const fn timeout(&self) -> Option<Span> {
        match self {
            Self::Synthetic(workload) => workload.timeout,
            Self::Trace(replay) => replay.timeout,
        }
    }
}

/// When the requests of all classes end, for a class that does not say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndOfAll {
    /// With so many of all classes.
    pub requests: Option<u64>,
    /// After this time.
    pub duration: Option<Span>,
}

/// Reads what the table `[workload]` says of requests: who asks for what, and when. Clients wait so long. Other keys of
/// the table have to be asked for before.
pub fn read(
    fields: &Fields<'_>,
    end: EndOfAll,
    timeout: Option<Span>,
    max_model_len: u32,
) -> Result<Workload, Diagnostic> {
    if let Some(section) = fields.table(&TRACE)? {
        let lacks_lengths = trace::lacks_lengths(&section)?;
        refuse_beside_a_trace(fields, lacks_lengths)?;
        let max_tokens = fields.find(&MAX_TOKENS)?.declared_count()?.optional();
        if end.duration.is_some() {
            let message = format!("`workload.duration` does not end the trace of `{}`", fields.path());
            let help = "write workload.requests for the requests of all classes, or trace.limit for those of the trace";
            return Err(fields.error(TRACE.name, message).help(help));
        }
        let mut replay = trace::read(&section, max_tokens, timeout)?;
        if lacks_lengths {
            let lengths = read_lengths_of_a_trace(fields)?;
            replay.prompts_only |= lengths.output.are_none();
            replay.lengths = Some(Box::new(lengths));
        }
        return Ok(Workload::Trace(replay));
    }
    let requests = fields.find(&REQUESTS)?.declared_integer()?;
    let duration = fields.find(&DURATION)?.duration()?;
    let optional = |setting| fields.table(setting);
    let (arrivals, exact_span) = arrivals::read(&needed(fields, &ARRIVALS)?)?;
    let mut workload = Synthetic {
        arrivals,
        exact_span,
        prompt: lengths::read(&needed(fields, &PROMPT)?)?,
        output: read_output(fields)?,
        max_tokens: fields.find(&MAX_TOKENS)?.declared_count()?.optional(),
        prefix: optional(&PREFIX)?
            .map(|prefix| sharing::read_prefix(&prefix))
            .transpose()?,
        prompt_pool: optional(&PROMPT_POOL)?
            .map(|pool| sharing::read_prompt_pool(&pool))
            .transpose()?,
        session: optional(&SESSION)?
            .map(|session| sharing::read_session(&session))
            .transpose()?,
        priority: priority::read(fields)?,
        requests: requests.optional(),
        duration: duration.optional(),
        timeout,
    };
    // A misspelt key explains better what is wrong than the key that is missing for it.
    fields.finish()?;
    // What it says itself is what may be too much: others may end it before.
    let own = workload.clone();
    end_with_others(fields, &mut workload, end)?;
    workload.validate().map_err(|invalid| refused(fields, &invalid))?;
    refuse_endless(fields, &own)?;
    warn_of_rejections(fields, &workload, max_model_len);
    warn_of_stages_that_never_come(fields, &own);
    Ok(Workload::Synthetic(workload))
}

/// Ends a class with the others where it does not say when it ends.
fn end_with_others(fields: &Fields<'_>, workload: &mut Synthetic, end: EndOfAll) -> Result<(), Diagnostic> {
    if workload.requests.is_none() && end.requests.is_some() {
        if workload.exact_span {
            let message = format!(
                "`{}.arrivals.span` must be \"random\": how many requests it sends depends on others",
                fields.path()
            );
            let place = fields.place_of_path("arrivals.span");
            return Err(fields
                .reading()
                .error(place, message)
                .help("write span = \"random\", or requests for the class"));
        }
        workload.requests = end.requests;
    }
    workload.duration = workload.duration.into_iter().chain(end.duration).min();
    Ok(())
}

/// Reads how long prompts and outputs are of a trace that says only when they came.
fn read_lengths_of_a_trace(fields: &Fields<'_>) -> Result<DrawnLengths, Diagnostic> {
    for setting in [&PROMPT, &OUTPUT] {
        if fields.key(setting.name)?.node.is_none() {
            let message = format!(
                "`{0}.{1}` is missing: the trace of `{0}` holds arrivals alone",
                fields.path(),
                setting.name
            );
            let help = format!(
                "write {} = {{ dist = \"fixed\", value = 500 }}, or any distribution, beside trace",
                setting.name
            );
            return Err(fields.error(TRACE.name, message).help(help));
        }
    }
    Ok(DrawnLengths {
        prompt: lengths::read(&needed(fields, &PROMPT)?)?,
        output: read_output(fields)?,
    })
}

fn refuse_beside_a_trace(fields: &Fields<'_>, lacks_lengths: bool) -> Result<(), Diagnostic> {
    for (name, instead) in [
        (
            "arrivals",
            "remove it, or remove `trace`; `trace.speedup` makes a trace faster",
        ),
        ("prompt", "remove it, or remove `trace`"),
        ("output", "remove it, or remove `trace`"),
        (
            "prefix",
            "remove it; the trace's column segments names what prompts share",
        ),
        (
            "prompt_pool",
            "remove it; the trace's column segments names what prompts share",
        ),
        (
            "session",
            "remove it; the trace's columns session and after_s say which row follows which",
        ),
        (
            "priority",
            "remove it; the trace's column priority says how urgent each row is",
        ),
        ("requests", "write trace.limit for the number of rows"),
        ("duration", "write trace.limit for the number of rows"),
    ] {
        if lacks_lengths && [PROMPT.name, OUTPUT.name].contains(&name) {
            continue;
        }
        if let Some(node) = fields.key(name)?.node {
            let message = format!(
                "`{0}.{name}` and `{0}.trace` exclude each other: a trace says it already",
                fields.path()
            );
            return Err(fields.reading().error(node.place, message).help(instead));
        }
    }
    Ok(())
}

fn needed<'a>(fields: &Fields<'a>, setting: &'static Setting) -> Result<Fields<'a>, Diagnostic> {
    fields.table(setting)?.ok_or_else(|| {
        fields
            .missing(setting)
            .help("or replay a trace: trace = { path = \"trace.csv\", format = \"csv\" }")
    })
}

/// Reads `output`, a number or a distribution. Without any tokens requests ask for what their prompts come to.
fn read_output(fields: &Fields<'_>) -> Result<Lengths, Diagnostic> {
    if fields.has(OUTPUT.name) {
        return lengths::read_output(fields);
    }
    needed(fields, &OUTPUT).and_then(|table| lengths::read(&table))
}

/// The domain's own objection, shown at the key it is about.
fn refused(fields: &Fields<'_>, invalid: &Invalid) -> Diagnostic {
    let place = fields.place_of_path(&invalid.key);
    let message = format!("`{}.{}` {}", fields.path(), invalid.key, invalid.message);
    // The domain's messages end with what to write.
    let (what, remedy) = message.split_once("; ").unwrap_or((&message, ""));
    let error = fields.reading().error(place, what);
    if remedy.is_empty() { error } else { error.help(remedy) }
}

/// Refuses a run that would cover too much time or too many requests.
fn refuse_endless(fields: &Fields<'_>, workload: &Synthetic) -> Result<(), Diagnostic> {
    let (problem, help, keys) = if let Some(problem) = longer_than_200_days(workload) {
        (
            problem,
            "ask for fewer requests, a higher rate or a shorter pause; a run may cover at most 200 days",
            ["arrivals.rate", "arrivals.think", "requests"],
        )
    } else if let Some(problem) = too_many_requests(workload) {
        (
            problem,
            "write a lower rate, a shorter duration, or requests = 10000 beside it",
            match workload.arrivals {
                Arrivals::Stages(_) => ["arrivals.stages"; 3],
                _ => ["arrivals.rate", "duration", "duration"],
            },
        )
    } else if let Some(problem) = too_many_at_once(workload) {
        (problem, "write requests = 10000, or a rate", ["requests"; 3])
    } else {
        return Ok(());
    };
    // The value that was written last is the one to look at.
    let places = keys.map(|path| fields.place_of_path(path));
    let place = places
        .into_iter()
        .max_by_key(|place| place.text)
        .unwrap_or(fields.place());
    Err(fields.reading().error(place, problem).help(help))
}

/// Whether the arrivals of an open loop are too many to simulate.
fn too_many_requests(workload: &Synthetic) -> Option<String> {
    let seconds = match &workload.arrivals {
        Arrivals::Stages(stages) => stages.iter().map(|stage| stage.duration.seconds()).sum(),
        _ => workload.duration?.seconds(),
    };
    let arriving = workload.arrivals.mean_rate_per_s()? * seconds;
    let requests = workload.requests.map_or(f64::INFINITY, |most| most as f64);
    (arriving.min(requests) > MOST_REQUESTS as f64).then(|| {
        format!("about {arriving:.1e} requests would arrive, and a run of more than {MOST_REQUESTS} would not end")
    })
}

/// Whether more requests would wait at one time than any memory holds.
fn too_many_at_once(workload: &Synthetic) -> Option<String> {
    let requests = workload.requests_at_once()?;
    (requests > MOST_AT_ONCE).then(|| {
        format!("{requests} requests would wait at the same time, and no memory holds more than {MOST_AT_ONCE}")
    })
}

/// Whether the requests arrive over more time than a run can cover. The expectation is enough: what chance adds is
/// noticed when it happens.
fn longer_than_200_days(workload: &Synthetic) -> Option<String> {
    let requests = workload.requests? as f64;
    let turns = workload
        .session
        .as_ref()
        .map_or(1.0, |session| session.turns.estimated_mean());
    let seconds = match &workload.arrivals {
        Arrivals::Closed { concurrency, think, .. } => {
            (requests / turns / f64::from(*concurrency) - 1.0).floor() * think.mean().seconds()
        }
        Arrivals::Stages(_) => return None,
        other => requests / turns / other.mean_rate_per_s()?,
    };
    let limit = Time::LIMIT.seconds();
    let ends_before = workload
        .duration
        .is_some_and(|duration| duration <= Span::from_picos(Time::LIMIT.picos()));
    (seconds > limit && !ends_before).then(|| {
        format!(
            "{requests} requests would take about {} days to arrive",
            rounded(seconds / 86_400.0)
        )
    })
}

fn warn_of_rejections(fields: &Fields<'_>, workload: &Synthetic, max_model_len: u32) {
    let of = match fields.path() {
        "workload" => String::new(),
        path => format!("{path}: "),
    };
    let prefix = workload.prefix.as_ref();
    let prefix = prefix.map_or(0, |prefix| longest(&prefix.tokens));
    let longest_prompt = prefix + longest(&workload.prompt);
    let token = u32::from(!workload.is_prompt_only());
    let room = max_model_len.saturating_sub(token);
    if longest_prompt > u64::from(room) {
        let longest = if longest_prompt >= u64::from(MOST_TOKENS) {
            "any length".to_owned()
        } else {
            format!("up to {longest_prompt} tokens")
        };
        let remedy = if prefix < u64::from(room) {
            format!("write prompt.max = {}", u64::from(room) - prefix)
        } else {
            "write smaller prefix.tokens".to_owned()
        };
        let and_a_token = if token > 0 { " and one output token" } else { "" };
        fields.reading().warn(format!(
            "{of}prompts of {longest} are possible, but server.max_model_len = {max_model_len} leaves room for \
             {room}{and_a_token}: longer ones will be rejected; {remedy} or raise server.max_model_len"
        ));
    }
    let Some(session) = &workload.session else {
        return;
    };
    // By the mean, as the longest sessions are the exception that ends at the model's length.
    let turn = workload.prompt.estimated_mean() + workload.output.estimated_mean();
    let context = prefix as f64 + turn * session.turns.estimated_mean();
    if context > f64::from(max_model_len) {
        fields.reading().warn(format!(
            "{of}a session of mean length grows to about {context:.0} tokens, but server.max_model_len = \
             {max_model_len}: it will be rejected before its last turn, and end; write fewer session.turns or raise \
             server.max_model_len"
        ));
    }
}

/// Who asks how a day goes and stops before noon would get the answer of its night.
fn warn_of_stages_that_never_come(fields: &Fields<'_>, workload: &Synthetic) {
    let Arrivals::Stages(stages) = &workload.arrivals else {
        return;
    };
    let turns = workload.session.as_ref().map_or(1.0, |it| it.turns.estimated_mean());
    let most = workload.requests.map_or(f64::INFINITY, |requests| requests as f64);
    let until_s = workload.duration.map_or(f64::INFINITY, Span::seconds);
    let (mut sent, mut lasts_s, mut ends_s) = (0.0, 0.0, f64::INFINITY);
    let (mut busiest, mut busiest_s) = (0.0, 0.0);
    for stage in stages {
        if stage.rate_per_s > busiest {
            (busiest, busiest_s) = (stage.rate_per_s, lasts_s);
        }
        let rate = stage.rate_per_s * turns;
        let would_be = sent + rate * stage.duration.seconds();
        if would_be > most && ends_s.is_infinite() {
            ends_s = lasts_s + (most - sent) / rate;
        }
        (sent, lasts_s) = (would_be, lasts_s + stage.duration.seconds());
    }
    let (key, ends_s) = if until_s < ends_s {
        ("duration", until_s)
    } else {
        ("requests", ends_s)
    };
    if ends_s <= busiest_s {
        let path = fields.path();
        fields.reading().warn(format!(
            "{path}.{key} ends the arrivals after {} s of {} s, before the busiest stage, of {} requests/s: leave \
             {path}.{key} out for all of them, about {sent:.0} requests",
            rounded(ends_s),
            rounded(lasts_s),
            rounded(busiest)
        ));
    }
}

/// The longest that lengths can be [tokens].
fn longest(lengths: &Lengths) -> u64 {
    let drawn = match &lengths.distribution {
        LengthDistribution::Fixed { value } => *value,
        LengthDistribution::Uniform { max, .. } | LengthDistribution::Zipf { max, .. } => *max,
        LengthDistribution::Mixture { parts } => {
            let used = parts.iter().filter(|part| part.weight > 0.0);
            let longest = used.map(|part| longest(&part.lengths)).max().unwrap_or(1);
            u32::try_from(longest).unwrap_or(u32::MAX)
        }
        LengthDistribution::Quantiles(table) => table.at(1.0).round() as u32,
        LengthDistribution::LogNormal { .. }
        | LengthDistribution::Gamma { .. }
        | LengthDistribution::Exponential { .. }
        | LengthDistribution::Pareto { .. } => u32::MAX,
    };
    u64::from(drawn.clamp(lengths.min, lengths.max))
}
