//! Logs of gateways and clients of APIs such as `OpenAI`'s: CSV or JSON lines that hold for each request a time and the
//! tokens of its usage, under any of the names that are in use.
//!
//! The names are those of `OpenAI` and Anthropic (`created`, `usage.prompt_tokens`, `usage.input_tokens`), `LiteLLM`
//! (`startTime`), Helicone (`request_created_at`), Langfuse, `OpenRouter` (`created_at`, `tokens_prompt`), Cloudflare's
//! gateway (`tokens_in`), Ollama (`prompt_eval_count`), Bedrock (`input.inputTokenCount`) and OpenTelemetry's
//! conventions for generative AI. What Anthropic's and Bedrock's usage counts apart, as it went through the prompt
//! cache, is a part of the prompt. Times are stamps, or numbers whose unit their name tells (`start_ms`), or seconds,
//! milli-, micro- or nanoseconds since 1970.

use super::first_line::Needs;
use super::log_format::{FailureSign, LogFormat};

/// The format of logs of gateways.
pub static OPENAI_LOG: LogFormat = LogFormat {
    name: "openai-log",
    looks_like: "CSV or JSON lines of a gateway's log: a time (timestamp, created, startTime, request_created_at, …), \
                 prompt_tokens and completion_tokens (or input_tokens and output_tokens, usage.prompt_tokens, …)",
    needs: Needs::Columns(&[&["timestamp"], &["prompt_tokens"], &["completion_tokens"]]),
    is_loose: true,
    // What says when a request started before what may say when it ended.
    arrival: &[
        "requestcreatedat",
        "requeststarttime",
        "requeststart",
        "requesttimestamp",
        "requesttime",
        "requestedat",
        "receivedat",
        "arrivaltime",
        "arrivaltimestamp",
        "arrivedat",
        "arrival",
        "starttime",
        "starttimestamp",
        "startedat",
        "startdate",
        "start",
        "createdat",
        "createdtime",
        "created",
        "timestamp",
        "datetime",
        "eventtime",
        "time",
        "ts",
        "date",
    ],
    input: &[
        "prompttokens",
        "inputtokens",
        "tokensprompt",
        "prompttokencount",
        "inputtokencount",
        "numprompttokens",
        "numinputtokens",
        "nprompttokens",
        "ninputtokens",
        "inputtokenscount",
        "prompttokenscount",
        "tokensin",
        "tokensinput",
        "promptlength",
        "promptlen",
        "inputlength",
        "inputlen",
        "usageinput",
        "inputusage",
        "usageprompt",
        "contexttokens",
        "requesttokens",
        "promptevalcount",
    ],
    cached_input: [
        &[
            "cachereadinputtokens",
            "cachereadinputtokencount",
            "cachereadinputtokenscount",
        ],
        &[
            "cachecreationinputtokens",
            "cachewriteinputtokens",
            "cachewriteinputtokencount",
            "cachewriteinputtokenscount",
        ],
    ],
    output: &[
        "completiontokens",
        "outputtokens",
        "tokenscompletion",
        "generatedtokens",
        "candidatestokencount",
        "completiontokencount",
        "outputtokencount",
        "numcompletiontokens",
        "numoutputtokens",
        "numgeneratedtokens",
        "ncompletiontokens",
        "noutputtokens",
        "outputtokenscount",
        "completiontokenscount",
        "generationtokens",
        "responsetokens",
        "tokensout",
        "tokensoutput",
        "completionlength",
        "outputlength",
        "outputlen",
        "usageoutput",
        "outputusage",
        "usagecompletion",
        "evalcount",
    ],
    session: &["sessionid", "conversationid", "threadid", "chatid"],
    failures: &[
        (
            &[
                "statuscode",
                "httpstatus",
                "httpstatuscode",
                "responsestatus",
                "responsestatuscode",
            ],
            FailureSign::Status,
        ),
        (&["status"], FailureSign::Status),
        // Of Langfuse, and of lines of logs.
        (&["level"], FailureSign::Status),
        (&["error", "errormessage", "exception"], FailureSign::Any),
        (&["success", "issuccess"], FailureSign::IfFalse),
        (&["iserror", "failed", "wascancelled"], FailureSign::IfTrue),
    ],
    ..LogFormat::NONE
};
