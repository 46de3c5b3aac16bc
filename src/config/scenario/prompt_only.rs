//! Requests that ask for no token (`output = 0`): a server embeds their prompts, or scores them, in one pass each.

use super::fleet::FLEET;
use super::operation::Fleet;
use super::pool_tables::PoolTables;
use super::sampling::SAMPLING;
use super::slo::Objective;
use super::traffic::Traffic;
use super::workload::Workload;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::ScaleSignal;
use crate::path::RequestPath;
use crate::policy::PolicySettings;
use crate::step_time::Sampling;

/// Statistics of tokens that nobody gets start so.
const OF_TOKENS: [&str; 5] = ["ttft.", "path_ttft.", "tpot.", "itl.", "output_tokens_per_s"];
const HELP: &str = "write \"e2e.p99\" = \"2s\" instead: it is the time to the whole answer";

/// Refuses what makes no sense of requests without tokens, if the traffic is of such.
pub(super) fn refuse_what_needs_tokens(
    (fields, workload): (&Fields<'_>, &Fields<'_>),
    tables: &[PoolTables<'_>],
    (traffic, fleet, path): (&Traffic, Option<&Fleet>, Option<&RequestPath>),
    objectives: &[Objective],
) -> Result<(), Diagnostic> {
    refuse_a_mix(fields, traffic)?;
    if !traffic.is_prompt_only() {
        return Ok(());
    }
    tables.iter().try_for_each(refuse_other_policies)?;
    let of_classes = traffic.classes.iter().flat_map(|class| &class.objectives);
    objectives.iter().chain(of_classes).try_for_each(refuse_objective)?;
    refuse_signal(fields, fleet)?;
    if path.is_some_and(|path| path.calls() > 1) {
        let message = "the path calls the model more than once, and each call repeats the answers before it, which \
                       have no tokens with output = 0";
        let help = "leave `times` of the stage `llm` out, or write an output of at least 1";
        return Err(fields.error("path", message).help(help));
    }
    if workload.has(SAMPLING.name) {
        let told = "workload.sampling changes nothing beside output = 0, as no token is chosen; leave it out";
        fields.reading().warn(told.to_owned());
    }
    Ok(())
}

/// How tokens are chosen, if any are.
pub(super) fn sampling_of(traffic: &Traffic, otherwise: Sampling) -> Sampling {
    if traffic.is_prompt_only() {
        Sampling::Nothing
    } else {
        otherwise
    }
}

/// A model is started to generate or to embed (vLLM, `--runner generate` or `pooling`).
fn refuse_a_mix(fields: &Fields<'_>, traffic: &Traffic) -> Result<(), Diagnostic> {
    let (without, with): (Vec<_>, Vec<_>) = traffic
        .classes
        .iter()
        .partition(|class| class.workload.is_prompt_only());
    let ([one, ..], [other, ..]) = (&without[..], &with[..]) else {
        return Ok(());
    };
    let name = |class: &super::traffic::Class| class.name.clone().unwrap_or_default();
    let message = format!(
        "class `{}` has output = 0 and class `{}` has an output, and a server is started to embed or to generate",
        name(one),
        name(other)
    );
    Err(fields
        .error("class", message)
        .help("write a scenario for each of the two; a [[path.stage]] puts one before the other"))
}

fn refuse_other_policies(pool: &PoolTables<'_>) -> Result<(), Diagnostic> {
    let policy = &pool.batching.policy;
    let embeds = matches!(
        policy,
        PolicySettings::None(_) | PolicySettings::Static(_) | PolicySettings::Continuous(_)
    );
    if !embeds {
        let name = policy.description().name;
        let message = format!("`batching.policy` is \"{name}\", which is modelled for requests with an output only");
        let help = "write policy = \"static\", \"continuous\" or \"none\", or an output of at least 1";
        return Err(pool.batching_fields.error("policy", message).help(help));
    }
    if pool.batching.drafts.is_some() {
        let message = "`batching.speculative` and `workload.output` = 0 exclude each other: no token is to be guessed";
        return Err(pool
            .batching_fields
            .error("speculative", message)
            .help("remove one of the two"));
    }
    Ok(())
}

fn refuse_objective(objective: &Objective) -> Result<(), Diagnostic> {
    let name = &objective.name;
    if !OF_TOKENS.iter().any(|of_tokens| name.starts_with(of_tokens)) {
        return Ok(());
    }
    let message = format!("`slo.{name}` is of tokens, and with output = 0 no request has one");
    Err(Diagnostic::new(message).at(objective.snippet.clone()).help(HELP))
}

fn refuse_signal(fields: &Fields<'_>, fleet: Option<&Fleet>) -> Result<(), Diagnostic> {
    let rules = fleet.and_then(|fleet| fleet.autoscale.as_ref());
    if !rules.is_some_and(|rules| matches!(rules.signal, ScaleSignal::TokensPerSecond | ScaleSignal::Ttft)) {
        return Ok(());
    }
    let message = "`fleet.autoscale.signal` is of tokens, and with output = 0 no request has one";
    Err(fields
        .error(FLEET.name, message)
        .help("write signal = \"concurrency\" or \"queue\""))
}

impl Workload {
    /// Whether its requests ask for no token, but for what their prompts come to.
    pub const fn is_prompt_only(&self) -> bool {
        match self {
            Self::Synthetic(workload) => workload.is_prompt_only(),
            Self::Trace(replay) => replay.prompts_only,
        }
    }
}

impl Traffic {
    /// Whether no request asks for a token: all ask for what their prompts come to.
    pub fn is_prompt_only(&self) -> bool {
        self.workloads().all(Workload::is_prompt_only)
    }
}
