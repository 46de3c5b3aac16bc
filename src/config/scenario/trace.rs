//! `workload.trace`: recorded requests.

use std::path::PathBuf;

use super::rate::MOST_RATE_PER_S;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Choice;
use crate::config::reader::reading::Resolved;
use crate::settings::{Kind, Setting, Word};
use crate::stats::streams::hash_bytes;
use crate::units::Span;
use crate::workload::MOST_TOKENS;
use crate::workload::trace::{
    CHARS_A_TOKEN, FormatName, LENGTH_SCALES, MOST_CONCURRENCY, Replay, SPEEDUPS, TextTokenizer, TimeUnit, TraceFormat,
    TraceHints, format_of,
};

/// A larger file is no tokenizer: those of the largest vocabularies have some 30 MB.
const LARGEST_TOKENIZER_BYTES: u64 = 1 << 28;
/// More rows than any trace has.
const MOST_ROWS: u64 = 1_000_000_000_000;

const NO_JITTER: Choice<bool> = Choice {
    name: "none",
    value: false,
};

/// The key `workload.trace`: recorded requests to replay.
pub(super) const TRACE: Setting = Setting::new(
    "trace",
    Kind::Table(&[
        &PATH,
        &FORMAT,
        &TIME_UNIT,
        &BLOCK_TOKENS,
        &CHARS_PER_TOKEN,
        &TOKENIZER,
        &THINK,
        &SPEEDUP,
        &RATE,
        &CONCURRENCY,
        &JITTER_TIES,
        &START,
        &LIMIT,
        &INPUT_SCALE,
        &OUTPUT_SCALE,
        &PROMPTS_ONLY,
        &SORT,
        &SKIP_BAD_ROWS,
    ]),
    "Recorded requests to replay, in the place of arrivals, prompt and output",
);
const PATH: Setting =
    Setting::new("path", Kind::Path, "The file, compressed with gzip or not").required("write path = \"trace.csv\"");
const FORMAT: Setting = Setting::new("format", Kind::Choice(&FORMAT_WORDS), "The format of the file")
    .depends("recognised by the first line");
static FORMAT_WORDS: [Word; 16] = [
    Word {
        name: "csv",
        help: "CSV with the columns arrival_s, input_tokens and output_tokens, and more",
    },
    Word {
        name: "azure",
        help: "The traces of Azure's inference services",
    },
    Word {
        name: "mooncake",
        help: "The JSON lines of Mooncake, with hashes of what prompts hold",
    },
    Word {
        name: "burstgpt",
        help: "The CSV of BurstGPT",
    },
    Word {
        name: "sharegpt",
        help: "JSON lines of recorded conversations, as LLMServingSim writes them, with token ids",
    },
    Word {
        name: "bailian",
        help: "The JSON lines of Qwen's Bailian, in seconds, with a hash for every 16 tokens",
    },
    Word {
        name: "mooncake-agents",
        help: "Dynamo's agentic JSON lines, in which requests wait for others (dynamo.agentic_mooncake)",
    },
    Word {
        name: "openai-log",
        help: "CSV or JSON lines of a gateway's or client's log: a time and the tokens of prompt and completion",
    },
    Word {
        name: "aiperf",
        help: "The requests that AIPerf sent, profile_export.jsonl",
    },
    Word {
        name: "otel",
        help: "Spans of OpenTelemetry with the usage of models: calls of one trace wait for one another",
    },
    Word {
        name: "servegen",
        help: "Windows of ServeGen: rate, CV and family of gaps; prompt and output stand beside the trace",
    },
    Word {
        name: "conversations",
        help: "Texts of ShareGPT, LMSYS or WildChat, or messages: without arrivals, so with rate or concurrency",
    },
    Word {
        name: "aibrix",
        help: "The JSON lines of AIBrix's workloads",
    },
    Word {
        name: "blis",
        help: "The CSV of BLIS, in microseconds, with prefix groups",
    },
    Word {
        name: "splitwise",
        help: "The CSV of Splitwise's simulator",
    },
    Word {
        name: "vidur",
        help: "The CSV of Vidur",
    },
];
const TIME_UNIT: Setting = Setting::new(
    "time_unit",
    Kind::Choice(&TIME_UNIT_WORDS),
    "The unit of times that are numbers",
)
.depends("that of the format; of logs what the name of the field says, or the size of times since 1970");
static TIME_UNIT_WORDS: [Word; 4] = [
    Word {
        name: "s",
        help: "Seconds",
    },
    Word {
        name: "ms",
        help: "Milliseconds",
    },
    Word {
        name: "us",
        help: "Microseconds",
    },
    Word {
        name: "ns",
        help: "Nanoseconds",
    },
];
const BLOCK_TOKENS: Setting = Setting::new(
    "block_tokens",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "How many tokens a hash id stands for, in mooncake, mooncake-agents and bailian",
)
.unit("tokens")
.depends("512 in mooncake, 16 in bailian, what the first line says in mooncake-agents");
const CHARS_PER_TOKEN: Setting = Setting::new(
    "chars_per_token",
    Kind::Number {
        min: *CHARS_A_TOKEN.start(),
        max: *CHARS_A_TOKEN.end(),
    },
    "How many characters of text make a token in the mean, in conversations",
)
.depends("4, a rule of thumb for English");
const TOKENIZER: Setting = Setting::new(
    "tokenizer",
    Kind::Path,
    "A tokenizer.json that counts the tokens of texts, in builds with the feature tokenizer",
)
.depends("tokens are estimated");
const THINK: Setting = Setting::new(
    "think",
    Kind::Duration,
    "Replay all exchanges of conversations, with this pause between an answer and the next question",
)
.depends("the first exchange of each alone");
const SPEEDUP: Setting = Setting::new(
    "speedup",
    Kind::Number {
        min: *SPEEDUPS.start(),
        max: *SPEEDUPS.end(),
    },
    "How many times faster than recorded requests arrive",
)
.default("1", "as recorded");
const RATE: Setting = Setting::new(
    "rate",
    Kind::Positive { max: MOST_RATE_PER_S },
    "The mean rate to replay at, in the place of speedup",
)
.unit("requests/s");
const CONCURRENCY: Setting = Setting::new(
    "concurrency",
    Kind::Count {
        min: 1,
        max: MOST_CONCURRENCY,
    },
    "How many requests are outstanding: rows are sent as earlier ones end, whatever was recorded",
)
.unit("requests");
const JITTER_TIES: Setting = Setting::new(
    "jitter_ties",
    Kind::Choice(&[
        Word {
            name: "none",
            help: "As recorded",
        },
        Word {
            name: "uniform",
            help: "Spread evenly at random up to the next arrival",
        },
    ]),
    "What becomes of rows with the same arrival, which a clock that ticks slowly leaves behind",
)
.default("\"none\"", "as recorded");
const START: Setting = Setting::new(
    "start",
    Kind::Duration,
    "Rows that arrive earlier than this after the first are left out",
)
.default("\"0s\"", "from the first row");
const LIMIT: Setting = Setting::new(
    "limit",
    Kind::Integer { min: 1, max: MOST_ROWS },
    "How many requests to replay at most",
)
.unit("requests");
const SCALE: Kind = Kind::Number {
    min: *LENGTH_SCALES.start(),
    max: *LENGTH_SCALES.end(),
};
const INPUT_SCALE: Setting =
    Setting::new("input_scale", SCALE, "How many times longer than recorded prompts are").default("1", "as recorded");
const OUTPUT_SCALE: Setting =
    Setting::new("output_scale", SCALE, "How many times longer than recorded outputs are").default("1", "as recorded");
const PROMPTS_ONLY: Setting = Setting::new(
    "prompts_only",
    Kind::Boolean,
    "Send the prompts of rows only, for embeddings or scores, whatever outputs were recorded, as output = 0 does",
)
.depends("rows ask for the outputs that were recorded");
const SORT: Setting = Setting::new(
    "sort",
    Kind::Boolean,
    "Sort rows by arrival, which takes all of them into memory",
)
.default("false", "in the order of the file");
const SKIP_BAD_ROWS: Setting = Setting::new(
    "skip_bad_rows",
    Kind::Boolean,
    "Leave out rows that cannot be read, and say how many",
)
.default("false", "they end the run");

/// Keys that say when rows are sent.
const CLOCKS: [&str; 3] = ["concurrency", "rate", "speedup"];
const ONE_CLOCK: &str = "keep one of the two: speedup = 2.0 is a factor on the recorded rate, rate = 8.0 a mean rate \
                         in requests per second; with concurrency = 64 rows are sent as earlier ones end";

/// Reads `trace = { path = ..., ... }`; `max_tokens` and `timeout` stand beside it in `[workload]`.
pub fn read(fields: &Fields<'_>, max_tokens: Option<u32>, timeout: Option<Span>) -> Result<Replay, Diagnostic> {
    let path = read_path(fields)?;
    let length_scale =
        |setting| -> Result<f64, Diagnostic> { Ok(fields.find(setting)?.declared_number()?.or_default()) };
    let files = &fields.reading().files;
    let file = files.trace(&path);
    if let (true, Err(error)) = (files.is_closed(), &file) {
        return Err(fields.error("path", error.to_string()));
    }
    let mut replay = Replay {
        format: read_format(fields)?,
        hints: read_hints(fields)?,
        start: fields.find(&START)?.duration()?.or_default(),
        limit: fields.find(&LIMIT)?.declared_integer()?.optional(),
        sort: fields.find(&SORT)?.boolean()?.or_default(),
        // A file that cannot be opened is reported by whoever replays it.
        file: file.ok(),
        skip_bad_rows: fields.find(&SKIP_BAD_ROWS)?.boolean()?.or_default(),
        max_tokens,
        input_scale: length_scale(&INPUT_SCALE)?,
        output_scale: length_scale(&OUTPUT_SCALE)?,
        prompts_only: fields.find(&PROMPTS_ONLY)?.boolean()?.optional().unwrap_or(false),
        timeout,
        ..Replay::new(path)
    };
    let rate = read_clock(fields, &mut replay)?;
    fields.finish()?;
    refuse_without_a_clock(fields, &replay, rate)?;
    match rate {
        Some(rate) => at_rate(fields, replay, rate),
        None => Ok(replay),
    }
}

fn read_format(fields: &Fields<'_>) -> Result<Option<FormatName>, Diagnostic> {
    let names = FORMAT_WORDS.each_ref().map(|word| word.name);
    let format = fields.find(&FORMAT)?.declared_choice(names)?.optional();
    Ok(format.and_then(|format| FormatName::parse(format.value).ok()))
}

fn read_hints(fields: &Fields<'_>) -> Result<TraceHints, Diagnostic> {
    let units = TIME_UNIT_WORDS.each_ref().map(|word| word.name);
    let unit = fields.find(&TIME_UNIT)?.declared_choice(units)?.optional();
    let tokenizer = read_tokenizer(fields)?;
    let chars_per_token = fields.find(&CHARS_PER_TOKEN)?.declared_number()?.optional();
    if tokenizer.is_some() && chars_per_token.is_some() {
        return Err(
            excluded(fields, "tokenizer", "chars_per_token").help("a tokenizer counts, so nothing is estimated")
        );
    }
    Ok(TraceHints {
        time_unit: unit.and_then(|unit| TimeUnit::parse(unit.value)),
        block_tokens: fields.find(&BLOCK_TOKENS)?.declared_count()?.optional(),
        chars_per_token,
        tokenizer,
        think: fields.find(&THINK)?.duration()?.optional(),
    })
}

/// Reads what counts tokens, and notes what stands in it.
fn read_tokenizer(fields: &Fields<'_>) -> Result<Option<TextTokenizer>, Diagnostic> {
    let Some(path) = fields.find(&TOKENIZER)?.path()?.unnoted() else {
        return Ok(None);
    };
    let reading = fields.reading();
    reading.note_file(&path);
    let json = reading.files.bytes(&path, LARGEST_TOKENIZER_BYTES).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        fields
            .error("tokenizer", message)
            .help("give the tokenizer.json of the model, as its publisher has it")
    })?;
    let tokenizer = TextTokenizer::of_json(&path, &json).map_err(|problem| fields.error("tokenizer", problem))?;
    reading.note(Resolved {
        key: format!("{}.tokenizer", fields.path()),
        value: path.display().to_string(),
        content: Some(format!("{:016x}", hash_bytes(&json))),
        origin: reading.texts.line_of(fields.place()),
        is_default: false,
    });
    Ok(Some(tokenizer))
}

/// Whether the rows of the trace say only when requests came. A file that cannot be read is reported by whoever replays
/// it.
pub fn lacks_lengths(fields: &Fields<'_>) -> Result<bool, Diagnostic> {
    let path = read_path(fields)?;
    let names = FORMAT_WORDS.each_ref().map(|word| word.name);
    let format = fields.find(&FORMAT)?.declared_choice(names)?.unnoted();
    let replay = Replay {
        format: format.and_then(|format| FormatName::parse(format.value).ok()),
        file: fields.reading().files.trace(&path).ok(),
        ..Replay::new(path)
    };
    Ok(format_in(fields, &replay).is_some_and(|format| !format.has_lengths()))
}

/// The format of a trace that can be read.
fn format_in(fields: &Fields<'_>, replay: &Replay) -> Option<&'static dyn TraceFormat> {
    if replay.file.is_none() && fields.reading().files.is_closed() {
        return replay.format.map(FormatName::format);
    }
    format_of(replay).ok()
}

/// Refuses a trace without arrivals if nothing says when its rows are sent.
fn refuse_without_a_clock(fields: &Fields<'_>, replay: &Replay, rate: Option<f64>) -> Result<(), Diagnostic> {
    if rate.is_some() || replay.concurrency.is_some() {
        return Ok(());
    }
    match format_in(fields, replay) {
        Some(format) if !format.has_arrivals() => {
            let message = format!(
                "{} holds no arrivals: it is of the format {}",
                replay.path.display(),
                format.name()
            );
            let help = "write trace.concurrency = 64 to send rows as earlier ones end, or trace.rate = 4.0 for Poisson \
                        arrivals";
            Err(fields.error("path", message).help(help))
        }
        _ => Ok(()),
    }
}

fn read_path(fields: &Fields<'_>) -> Result<PathBuf, Diagnostic> {
    let Some(path) = fields.find(&PATH)?.path()?.unnoted() else {
        return Err(fields.missing(&PATH));
    };
    // A run reads a trace more than once: the first time for the hash that names the scenario.
    if std::fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let message = format!("{} is not a regular file", path.display());
        return Err(fields
            .error("path", message)
            .help("write what it yields to a file first, and name that file"));
    }
    Ok(path)
}

/// Reads what says when rows are sent: one thing only can, and of several the one from the latest text does, as of
/// several spellings of a key. A rate, if that is what was asked for, needs the trace.
fn read_clock(fields: &Fields<'_>, replay: &mut Replay) -> Result<Option<f64>, Diagnostic> {
    let concurrency = fields.find(&CONCURRENCY)?.declared_count()?;
    let rate = fields.find(&RATE)?.declared_number()?;
    let speedup = fields.find(&SPEEDUP)?.declared_number()?;
    let jitter_ties = fields.find(&JITTER_TIES)?.declared_choice([false, true])?;
    let places = [concurrency.place(), rate.place(), speedup.place()];
    let texts = places.map(|place| place.map(|place| place.text));
    let latest = texts.into_iter().max().flatten();
    let rules = texts.map(|text| text.is_some() && text == latest);
    let names: Vec<&str> = CLOCKS
        .into_iter()
        .zip(rules)
        .filter_map(|(name, rules)| rules.then_some(name))
        .collect();
    if let [one, other, ..] = names[..] {
        return Err(excluded(fields, one, other).help(ONE_CLOCK));
    }
    if rules[0] {
        if jitter_ties.place().is_some_and(|place| Some(place.text) == latest) {
            return Err(excluded(fields, "concurrency", "jitter_ties").help(ONE_CLOCK));
        }
        replay.concurrency = concurrency.optional();
        return Ok(None);
    }
    replay.jitter_ties = jitter_ties.or(NO_JITTER, "as recorded").value;
    if rules[1] {
        return Ok(rate.optional());
    }
    replay.speedup = speedup.or_default();
    Ok(None)
}

fn excluded(fields: &Fields<'_>, one: &str, other: &str) -> Diagnostic {
    let path = fields.path();
    fields.error(other, format!("`{path}.{one}` and `{path}.{other}` exclude each other"))
}

/// Finds the speedup that makes the rate, and notes it.
fn at_rate(fields: &Fields<'_>, replay: Replay, rate: f64) -> Result<Replay, Diagnostic> {
    let replay = replay.at_rate(rate).map_err(|error| {
        let help = "a rate needs the trace's own, so all of it is read first; speedup = 2.0 does not";
        fields.error("rate", error.to_string()).help(help)
    })?;
    let recorded = rate / replay.speedup;
    let origin = match format_in(fields, &replay) {
        Some(format) if !format.has_arrivals() => "to the rate, from Poisson arrivals of one a second".to_owned(),
        Some(format) if !format.has_lengths() => format!("to the rate, from {recorded:.4} requests/s in the mean"),
        _ => format!("to the rate, from {recorded:.4} requests/s as recorded"),
    };
    fields.reading().note(Resolved {
        key: format!("{}.speedup", fields.path()),
        value: replay.speedup.to_string(),
        content: None,
        origin,
        is_default: true,
    });
    Ok(replay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::FORMATS;

    #[test]
    fn every_format_is_declared() {
        assert!(
            FORMAT_WORDS
                .iter()
                .map(|word| word.name)
                .eq(FORMATS.iter().map(|format| format.name()))
        );
    }
}
