//! `[batching]`: the policy and its settings. Keys of a policy that is not used are checked, but decide nothing.

use super::idle_keys::{self, IdleKey};
use super::speculative::{self, DraftTarget, Drafts};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::policy::vllm::PROFILE;
use crate::policy::{ContinuousSettings, Host, POLICIES, POLICY, PolicySettings, Rules, SglangSettings};
use crate::settings::{Refused, Written};

/// The batching policy as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Batching {
    /// The policy with its settings.
    pub policy: PolicySettings,
    /// Speculative decoding; only continuous batching has it.
    pub drafts: Option<Drafts>,
    /// The settings of continuous batching, which size the memory kept back for a step under every policy.
    pub continuous: ContinuousSettings,
    /// Whether the prefix cache is on; never for policies without one.
    pub prefix_caching: bool,
    /// Keys that flags set and that the policy does not have.
    pub idle_keys: Vec<IdleKey>,
    /// The most requests in a step.
    pub most_requests: u32,
    /// The most tokens in a step.
    pub most_tokens: u64,
}

/// Reads the table `[batching]`: how requests share steps.
pub fn read(fields: &Fields<'_>, host: &Host<'_>, target: DraftTarget<'_>) -> Result<Batching, Diagnostic> {
    let names = POLICIES.map(|policy| policy.name);
    let used = fields.read(|table| table.declared_choice(&POLICY, &names))?;
    if host.profile.is_of_sglang() && used != SglangSettings::NAME {
        let name = host.profile.name;
        let message = format!("{name} is a release of SGLang, and policy \"{used}\" is not its scheduler");
        let refused = Refused::new(&[&PROFILE, &POLICY], message);
        let help = "write policy = \"sglang\", or a profile of vLLM such as \"vllm-0.33\"";
        return Err(fields.refuse(refused.help(help)));
    }
    for policy in POLICIES {
        fields.read(|table| table.check(policy.settings))?;
    }
    let (mut chosen, mut continuous, mut drafts) = (None, None, None);
    for policy in POLICIES
        .iter()
        .filter(|policy| policy.is_always_read || policy.name == used)
    {
        if policy.name == ContinuousSettings::NAME {
            drafts = read_drafts(fields, target, host)?.filter(|_| used == policy.name);
        }
        let host = Host {
            is_used: policy.name == used,
            drafts: drafts.as_ref().map(|drafts| &drafts.rules),
            ..*host
        };
        let settings = fields.read(|table| PolicySettings::read(policy.name, table, &host))?;
        if let PolicySettings::Continuous(settings) = &settings {
            continuous = Some(settings.clone());
        }
        if host.is_used {
            chosen = Some(settings);
        }
    }
    fields.finish()?;
    let idle_keys = idle_keys::find(fields, used)?;
    let policy = chosen.expect("the policy is one of the list");
    let largest_step = policy.largest_step(host.max_model_len);
    Ok(Batching {
        drafts,
        idle_keys,
        continuous: continuous.expect("it is always read"),
        prefix_caching: policy.prefix_caching() == Some(true),
        most_requests: largest_step.requests,
        most_tokens: largest_step.tokens,
        policy,
    })
}

fn read_drafts(fields: &Fields<'_>, target: DraftTarget<'_>, host: &Host<'_>) -> Result<Option<Drafts>, Diagnostic> {
    let switches = host.profile.switches.drafts;
    let section = fields.optional_section("speculative")?;
    let drafts = section.map(|section| speculative::read(&section, target, switches));
    drafts.transpose()
}
