//! `batching.speculative`: what proposes drafts, how many, and how many of them are accepted.

use super::model::ModelChoice;
use crate::config::files::catalogue;
use crate::config::files::draft_counters::acceptance_by_position;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::reading::Resolved;
use crate::hardware::{Drafter, Model, WeightPrecision};
use crate::policy::vllm::DraftSwitches;
use crate::policy::vllm::drafts::{
    ACCEPTANCE, BY_PROFILE, DISABLE_LOOKAHEAD_BLOCK_HASHES, DRAFT_COST, DRAFT_MODEL, DRAFT_SLOTS, METHOD, TOKENS,
};
use crate::policy::{Acceptance, Speculative};

/// Speculative decoding as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Drafts {
    /// What the scheduler needs to know.
    pub rules: Speculative,
    /// What makes drafts on the GPU; n-grams need nothing.
    pub drafter: Option<Drafter>,
    /// What one of the drafter's passes costs, as a fraction of the same pass of the model, if it was written.
    pub cost: Option<f64>,
}

/// What drafts depend on.
#[derive(Clone, Copy, Debug)]
pub struct DraftTarget<'a> {
    /// The model that verifies them.
    pub model: &'a ModelChoice,
    /// GPUs that share it.
    pub tensor_parallel: u32,
    /// Whether its step times were measured, so that those of a drafter cannot be worked out beside them.
    pub is_measured: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Ngram,
    DraftModel,
    Eagle,
    Mtp,
}

/// What a server's metrics take is far less.
const LARGEST_COUNTERS_BYTES: u64 = 1 << 26;

/// The methods in the order of their words.
const METHODS: [Method; 5] = [
    Method::Ngram,
    Method::DraftModel,
    Method::Eagle,
    Method::Eagle,
    Method::Mtp,
];

/// Reads `speculative = { method = ..., tokens = ..., acceptance = ... }`. `vllm serve`'s names in
/// `--speculative-config` are known too.
pub fn read(fields: &Fields<'_>, target: DraftTarget<'_>, of: DraftSwitches) -> Result<Drafts, Diagnostic> {
    let method = fields.word_of(&METHOD)?.needed()?.value;
    let method = METHODS[method];
    let tokens = fields.find(&TOKENS)?.declared_count()?.needed()?;
    let acceptance = read_acceptance(fields, tokens)?;
    let drafter = read_drafter(fields, method, target)?;
    let cost = read_cost(fields, method, target)?;
    let has_lookahead_keys = !fields
        .find(&DISABLE_LOOKAHEAD_BLOCK_HASHES)?
        .boolean()?
        .or(!of.lookahead_keys, BY_PROFILE);
    let slots = if method == Method::DraftModel {
        of.draft_model_slots
    } else {
        0
    };
    let draft_slots = fields.find(&DRAFT_SLOTS)?.declared_count()?.or(slots, BY_PROFILE);
    fields.finish()?;
    let is_head = matches!(method, Method::Eagle | Method::Mtp);
    Ok(Drafts {
        rules: Speculative {
            tokens,
            proposals: Vec::new(),
            // `num_lookahead_tokens` in vLLM's scheduler: whatever drafts on the GPU writes keys and values for its
            // drafts.
            lookahead_tokens: if method == Method::Ngram { 0 } else { tokens },
            recomputes_last_hit: is_head && !has_lookahead_keys,
            key_lookahead: u32::from(is_head && has_lookahead_keys),
            draft_slots,
            rules: of.rules,
            looks_ahead: match method {
                Method::Ngram => of.look_ahead_beside_ngrams,
                Method::DraftModel => of.look_ahead_beside_models,
                Method::Eagle | Method::Mtp => true,
            },
            accepts_padding: false,
            acceptance,
        },
        drafter,
        cost,
    })
}

fn read_acceptance(fields: &Fields<'_>, tokens: u32) -> Result<Acceptance, Diagnostic> {
    let key = fields.find(&ACCEPTANCE)?;
    if matches!(key.node.map(|node| &node.value), Some(Value::Text(_))) {
        return counted_acceptance(fields, key, tokens);
    }
    if !matches!(key.node.map(|node| &node.value), Some(Value::Array(_))) {
        let rate = key.number(0.0..=1.0)?.required(ACCEPTANCE.required_help())?;
        return Ok(Acceptance::independent(rate, tokens));
    }
    let place = key.node.map_or(fields.place(), |node| node.place);
    let mut rates: Vec<f64> = Vec::new();
    for item in key.list()?.expect("the key has a value") {
        let place = item.node.map_or(place, |node| node.place);
        let rate = item.number(0.0..=1.0)?.unnoted();
        let rate = rate.expect("an entry of a list has a value");
        if rates.last().is_some_and(|&before| rate > before) {
            let message = format!(
                "`{}.acceptance` grows: a draft is accepted only if those before it are",
                fields.path()
            );
            return Err(fields.reading().error(place, message).help(
                "write rates that never grow: accepted tokens at a position over all drafts \
                       (vllm:spec_decode_num_accepted_tokens_per_pos)",
            ));
        }
        rates.push(rate);
    }
    if rates.len() != tokens as usize {
        let message = format!(
            "`{}.acceptance` has {} rates for {tokens} drafts",
            fields.path(),
            rates.len()
        );
        return Err(fields
            .reading()
            .error(place, message)
            .help("write one rate for each draft, or one number"));
    }
    fields.reading().note(Resolved {
        key: format!("{}.acceptance", fields.path()),
        value: format!("{rates:?}"),
        content: None,
        origin: fields.reading().texts.line_of(place),
        is_default: false,
    });
    Ok(Acceptance::Random { rates, seed: 0 })
}

/// Acceptance as a server counted it, in a file: of as many positions as there are drafts.
fn counted_acceptance(fields: &Fields<'_>, key: Key<'_>, tokens: u32) -> Result<Acceptance, Diagnostic> {
    let reading = fields.reading();
    let place = key.node.map_or(fields.place(), |node| node.place);
    let path = key.path()?.unnoted().unwrap_or_default();
    let name = path.display().to_string();
    let refused = |message: String| {
        reading.error(place, message).help(
            "name a file with what the server's /metrics answers, or with the JSON of `vllm bench serve \
             --save-result`, of a run with drafts",
        )
    };
    let content = reading.files.text(&path, LARGEST_COUNTERS_BYTES);
    let content = content.map_err(|error| refused(format!("cannot read {name}: {error}")))?;
    reading.note_file(&path);
    let mut rates = acceptance_by_position(&content).map_err(|problem| refused(format!("{name}: {problem}")))?;
    if rates.len() < tokens as usize {
        return Err(refused(format!(
            "{name} counts {} drafts a step, and `{}.tokens` is {tokens}",
            rates.len(),
            fields.path()
        )));
    }
    rates.truncate(tokens as usize);
    if let Some(at) = rates.windows(2).position(|pair| pair[1] > pair[0]) {
        return Err(refused(format!(
            "{name}: more drafts are accepted at position {} than at the one before, which cannot be",
            at + 1
        )));
    }
    reading.note(Resolved {
        key: format!("{}.acceptance", fields.path()),
        value: format!("{rates:.4?}"),
        content: Some(format!("{rates:?}")),
        origin: reading.texts.line_of(place),
        is_default: false,
    });
    Ok(Acceptance::Random { rates, seed: 0 })
}

fn read_drafter(fields: &Fields<'_>, method: Method, target: DraftTarget<'_>) -> Result<Option<Drafter>, Diagnostic> {
    let named = fields.find(&DRAFT_MODEL)?;
    let place = named.node.map_or(fields.place(), |node| node.place);
    let name = named.text()?.unnoted();
    match (method, name) {
        (Method::DraftModel, Some(name)) => {
            let refused = |message| fields.reading().error(place, message);
            let entry = catalogue::model_entry(&name).map_err(|error| refused(error.to_string()))?;
            refuse_another_vocabulary(&entry.model, &target.model.model).map_err(refused)?;
            let weights = entry.stored_weights.unwrap_or(WeightPrecision::Bf16);
            let drafter = Drafter::of_model(entry.model, weights);
            drafter
                .check_tensor_parallel(target.tensor_parallel)
                .map_err(|bad| refused(format!("{name} cannot be split as the model is: {bad}")))?;
            fields.reading().note(Resolved {
                key: format!("{}.draft_model", fields.path()),
                value: drafter.model().title().to_owned(),
                content: Some(format!("{drafter:?}")),
                origin: fields.reading().texts.line_of(place),
                is_default: false,
            });
            Ok(Some(drafter))
        }
        (Method::DraftModel, None) => Err(fields
            .error("draft_model", format!("`{}.draft_model` is missing", fields.path()))
            .help("write draft_model = \"llama-3.2-1b\"; `tailcast models` lists the names")),
        (_, Some(_)) => Err(fields
            .reading()
            .error(
                place,
                "only method = \"draft_model\" takes a draft model: the others draft without one, or with a \
                           layer like the model's last",
            )
            .help("remove draft_model, or write method = \"draft_model\"")),
        (Method::Ngram, None) => Ok(None),
        (Method::Eagle, None) => Ok(Some(Drafter::eagle(&target.model.model))),
        (Method::Mtp, None) => Ok(Some(Drafter::mtp(&target.model.model, target.model.weights))),
    }
}

/// A draft is the number of a token, which must mean the same to both (`SpeculativeConfig` in vLLM refuses it too).
fn refuse_another_vocabulary(drafter: &Model, target: &Model) -> Result<(), String> {
    let (theirs, ours) = (drafter.vocab_size(), target.vocab_size());
    if theirs == ours {
        return Ok(());
    }
    Err(format!(
        "{} has a vocabulary of {theirs} tokens and {} one of {ours}; write the name of a smaller model of the same \
         family",
        drafter.name(),
        target.name()
    ))
}

fn read_cost(fields: &Fields<'_>, method: Method, target: DraftTarget<'_>) -> Result<Option<f64>, Diagnostic> {
    let cost = fields.find(&DRAFT_COST)?.declared_number()?;
    if method == Method::Ngram && cost.place().is_some() {
        return Err(fields
            .error(
                "draft_cost",
                "n-grams are looked up by the host: they cost no pass of the GPU",
            )
            .help("remove draft_cost"));
    }
    if method != Method::Ngram && target.is_measured && cost.place().is_none() {
        let message = format!(
            "`{}.draft_cost` is missing: `server.step_time` does not say how long the passes of the drafter take",
            fields.path()
        );
        return Err(fields.error("draft_cost", message).help(
            "write draft_cost = 0.1, a pass as a fraction of the same pass of the model, or 0 if the measured times \
             include drafting",
        ));
    }
    Ok(cost.optional())
}
