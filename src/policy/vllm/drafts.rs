//! The settings of `batching.speculative`. What they mean is read where models can be looked up, as a draft model is
//! one of them.

use crate::settings::{Kind, Setting, Word};

/// More drafts than any method proposes in a step.
const MOST_DRAFTS: u32 = 64;

/// The setting `batching.speculative`: a table about drafts and their acceptance.
pub static SPECULATIVE: Setting = Setting::new(
    "speculative",
    Kind::Table(&[
        &METHOD,
        &TOKENS,
        &ACCEPTANCE,
        &DRAFT_MODEL,
        &DRAFT_COST,
        &DISABLE_LOOKAHEAD_BLOCK_HASHES,
        &DRAFT_SLOTS,
    ]),
    "Speculative decoding: what proposes drafts, how many, and how many of them are accepted",
);

/// What proposes drafts.
pub static METHOD: Setting = Setting::new(
    "method",
    Kind::Choice(&[
        Word {
            name: "ngram",
            help: "What followed the same words before, looked up by the host",
        },
        Word {
            name: "draft_model",
            help: "A smaller model of the same vocabulary",
        },
        Word {
            name: "eagle",
            help: "A layer like the model's last, over its hidden states",
        },
        Word {
            name: "eagle3",
            help: "A layer like the model's last, over hidden states of several layers",
        },
        Word {
            name: "mtp",
            help: "A layer that was trained with the model, in the model's own precision",
        },
    ]),
    "What proposes drafts",
)
.required("write method = \"ngram\", \"draft_model\", \"eagle\", \"eagle3\" or \"mtp\"");

/// How many drafts a step has.
pub static TOKENS: Setting = Setting::new(
    "tokens",
    Kind::Count {
        min: 1,
        max: MOST_DRAFTS,
    },
    "Draft tokens proposed in a step",
)
.or(&["num_speculative_tokens"])
.unit("tokens")
.required("write tokens = 3, the drafts of a step");

/// How many of them are accepted.
pub static ACCEPTANCE: Setting = Setting::new(
    "acceptance",
    Kind::Either(&[RATE, Kind::List(&RATE), Kind::Path]),
    "The chance of each draft if all before it were accepted, or one rate for each position as vLLM reports them, or a \
     file that counts them: what /metrics answers, or the JSON of `vllm bench serve`",
)
.required(
    "write acceptance = 0.7, the chance of each draft if all before it were accepted, or one rate for each position \
     as vLLM reports them, such as [0.8, 0.6, 0.4]",
);

const RATE: Kind = Kind::Number { min: 0.0, max: 1.0 };

/// The model that drafts.
pub static DRAFT_MODEL: Setting = Setting::new(
    "draft_model",
    Kind::Text,
    "The model that drafts, for method = \"draft_model\": a name from `tailcast models`",
)
.or(&["model"]);

/// What drafting costs.
pub static DRAFT_COST: Setting = Setting::new(
    "draft_cost",
    Kind::Number { min: 0.0, max: 1.0 },
    "What a pass of the drafter takes, as a fraction of the same pass of the model",
)
.depends("worked out from the drafter's size, like the model's own steps");

/// Why the defaults of switches in which releases differ are what they are.
pub const BY_PROFILE: &str = "as in the release that profile names";

/// Whether blocks that a head drafts from are kept by keys of their own tokens.
pub static DISABLE_LOOKAHEAD_BLOCK_HASHES: Setting = Setting::new(
    "disable_lookahead_block_hashes",
    Kind::Boolean,
    "For EAGLE and MTP: name blocks in the prefix cache by their own tokens only, so that every hit loses its last \
     block, instead of by the token that follows too",
)
.depends("false since 0.33, as in the release that profile names; true before");

/// What drafting takes of a step's tokens.
pub static DRAFT_SLOTS: Setting = Setting::new(
    "draft_slots",
    Kind::Count {
        min: 0,
        max: MOST_DRAFTS,
    },
    "Places of a step's tokens that each request takes beside its own while something drafts",
)
.unit("tokens")
.depends("1 for a draft model since 0.19, else 0; to 0.27 kept for all requests that may run");
