//! Keys that were set for a policy that does not have them. In a scenario's file they may stand for the sake of other
//! policies; whoever sets one by a flag expects that it does something.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::policy::{Description, POLICIES};
use crate::settings::Setting;

/// A key of `[batching]` that a flag or a line of a study sets, and that the policy in use does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleKey {
    /// The key in `[batching]`.
    pub key: &'static str,
    /// What sets it: a flag, or the place of the line.
    pub origin: String,
    /// The policy in use.
    pub policy: &'static str,
}

/// The keys of `[batching]` that flags set in vain while this policy is used.
pub(super) fn find(fields: &Fields<'_>, used: &str) -> Result<Vec<IdleKey>, Diagnostic> {
    let used = POLICIES.iter().find(|policy| policy.name == used);
    let used = used.expect("the policy is one of the list");
    let mut idle: Vec<IdleKey> = Vec::new();
    for setting in POLICIES.iter().flat_map(|policy| policy.settings) {
        if owns(used, setting.name) || idle.iter().any(|it| it.key == setting.name) {
            continue;
        }
        let Some(node) = fields.find(setting)?.node else {
            continue;
        };
        let texts = &fields.reading().texts;
        if let Some(place) = node.find_place(&|place| texts.get(place.text).is_flag) {
            idle.push(IdleKey {
                key: setting.name,
                origin: texts.line_of(place),
                policy: used.name,
            });
        }
    }
    Ok(idle)
}

/// Whether a policy has a key, under any of its spellings.
fn owns(policy: &Description, key: &str) -> bool {
    let is_it = |setting: &&&Setting| setting.name == key || setting.aliases.contains(&key);
    policy.settings.iter().any(|setting| is_it(&setting))
}

/// What to say of idle keys, each once, with all policies under which it is idle.
pub fn warnings_of_idle_keys<'a>(idle: impl IntoIterator<Item = &'a IdleKey>) -> Vec<String> {
    let mut found: Vec<(&IdleKey, Vec<&str>)> = Vec::new();
    for one in idle {
        match found.iter_mut().find(|(it, _)| it.key == one.key) {
            Some((_, policies)) if policies.contains(&one.policy) => {}
            Some((_, policies)) => policies.push(one.policy),
            None => found.push((one, vec![one.policy])),
        }
    }
    let in_words = |(one, policies): (&IdleKey, Vec<&str>)| {
        let owners = POLICIES.iter().filter(|policy| owns(policy, one.key));
        let owners: Vec<&str> = owners.map(|policy| policy.name).collect();
        format!(
            "`batching.{}` ({}) changes nothing in how {} batches: it is a setting of {}",
            one.key,
            one.origin,
            listed(&policies, "or"),
            listed(&owners, "and")
        )
    };
    found.into_iter().map(in_words).collect()
}

/// `a, b and c`.
fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
