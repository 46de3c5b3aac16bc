//! `[capacity]`: the rule (memory - weights) / KV per user in the user's own numbers.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting};

/// The table `[capacity]`: rules of thumb for memory, in the user's own numbers.
pub(super) const CAPACITY: Setting = Setting::new(
    "capacity",
    Kind::Table(&[&MEMORY, &WEIGHTS, &KV_PER_USER, &USERS, &OVERHEAD, &REDUNDANCY]),
    "Rules of thumb for memory in your own numbers, which `tailcast plan` holds against the simulation; they change no \
     simulation",
);
const MEMORY: Setting = Setting::new("memory", Kind::Bytes, "Memory of a GPU").depends("that of `server.gpu`");
const WEIGHTS: Setting =
    Setting::new("weights", Kind::Bytes, "What the weights take on a GPU").depends("those of the model");
const KV_PER_USER: Setting = Setting::new("kv_per_user", Kind::Bytes, "KV cache of one user on a GPU")
    .depends("that of the mean context of the traffic");
const USERS: Setting = Setting::new(
    "users",
    Kind::Positive { max: 1e12 },
    "Users who are served at once at the busiest time",
)
.unit("users")
.depends("the most that the simulation sees running at once");
const OVERHEAD: Setting = Setting::new(
    "overhead",
    Kind::Number { min: 1.0, max: 10.0 },
    "How much more memory is taken than users need, by fragments and buffers",
)
.default("1.3", "the usual rule is 1.3 to 1.5");
const REDUNDANCY: Setting = Setting::new(
    "redundancy",
    Kind::Number { min: 1.0, max: 100.0 },
    "How many times as much as is needed is kept, so that some may fail",
)
.default("2", "the usual rule: all of it may fail once");

/// Rules of thumb for memory, as far as they are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryRule {
    /// Memory of a GPU [bytes].
    pub memory_bytes: Option<f64>,
    /// What the weights take of it [bytes].
    pub weights_bytes: Option<f64>,
    /// What a user's context takes of it [bytes].
    pub kv_bytes_per_user: Option<f64>,
    /// Users at once at the busiest time.
    pub users: Option<f64>,
    /// How much more is taken than users need.
    pub overhead: f64,
    /// How many times as much as needed is kept.
    pub redundancy: f64,
}

impl Default for MemoryRule {
    fn default() -> Self {
        let declared = |setting: &Setting| setting.declared_default().0.parse().expect("it is a number");
        Self {
            memory_bytes: None,
            weights_bytes: None,
            kv_bytes_per_user: None,
            users: None,
            overhead: declared(&OVERHEAD),
            redundancy: declared(&REDUNDANCY),
        }
    }
}

/// Reads the table, if it was written.
pub fn read(fields: Option<Fields<'_>>) -> Result<Option<MemoryRule>, Diagnostic> {
    let Some(fields) = fields else { return Ok(None) };
    let bytes = |setting| -> Result<Option<f64>, Diagnostic> {
        Ok(fields.find(setting)?.bytes()?.optional().map(|it| it.bytes))
    };
    let rule = MemoryRule {
        memory_bytes: bytes(&MEMORY)?,
        weights_bytes: bytes(&WEIGHTS)?,
        kv_bytes_per_user: bytes(&KV_PER_USER)?,
        users: fields.find(&USERS)?.declared_number()?.optional(),
        overhead: fields.find(&OVERHEAD)?.declared_number()?.or_default(),
        redundancy: fields.find(&REDUNDANCY)?.declared_number()?.or_default(),
    };
    if let (Some(memory), Some(weights)) = (rule.memory_bytes, rule.weights_bytes)
        && weights >= memory
    {
        let message = "`capacity.weights` leaves nothing of `capacity.memory` for users";
        let help = "write what the weights take on each GPU, of several that share a model each its part";
        return Err(fields.error(WEIGHTS.name, message).help(help));
    }
    fields.finish()?;
    Ok(Some(rule))
}
