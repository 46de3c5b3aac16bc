//! Makes the engine of a server: the readable one of any policy, the fast one where its policy has a shortcut.

use super::continuous_server::ContinuousServer;
use super::drafting_server::DraftingServer;
use super::fast::{FastContinuous, FastNone, FastPlanned, FastServer, FastSglang, FastStatic};
use super::grouped::GroupedServer;
use super::reference::ReferenceServer;
use super::server::{Implementation, Server};
use super::server_settings::ServerSettings;
use crate::policy::{
    ContinuousSettings, Memory, Planner, Policy, PolicySettings, SglangSettings, Speculative, StaticSettings,
};
use crate::step_time::StepTime;

/// A server that takes every step by itself.
pub fn reference(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Server {
    let memory = settings.memory();
    of_planner(settings.policy.planner(memory.clone()), memory, step_time)
}

/// A server that takes every step by itself, under a policy that need not be one of tailcast's own.
pub fn of_planner(planner: Box<dyn Planner>, memory: Memory, step_time: Box<dyn StepTime>) -> Server {
    let server = ReferenceServer::new(planner, memory, step_time);
    Server(Implementation::Reference(Box::new(server)))
}

/// A server that leaps, where its policy has a shortcut; otherwise one that takes every step by itself.
pub fn fast(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Server {
    let (memory, longest) = (settings.memory(), settings.max_model_len);
    let implementation = match shortcut(settings) {
        Err(_) => return reference(settings, step_time),
        Ok(Shortcut::None) => {
            let server = FastServer::new(FastNone::new(memory), longest, 1, step_time);
            Implementation::None(Box::new(server))
        }
        Ok(Shortcut::Static(rules)) => {
            let scheduler = FastStatic::new(rules.clone(), memory);
            Implementation::Static(Box::new(FastServer::new(scheduler, longest, 1, step_time)))
        }
        Ok(Shortcut::Planned(policy)) => {
            let server = FastServer::new(FastPlanned::new(policy, memory), longest, 1, step_time);
            Implementation::Planned(Box::new(server))
        }
        Ok(Shortcut::Drafting(rules, drafts)) => {
            Implementation::Drafting(Box::new(DraftingServer::new(rules, drafts, memory, step_time)))
        }
        Ok(Shortcut::Continuous(rules)) if memory.kv_groups.is_some() => {
            Implementation::Grouped(Box::new(GroupedServer::new(rules.clone(), memory, step_time)))
        }
        Ok(Shortcut::Continuous(rules)) => {
            Implementation::Continuous(Box::new(ContinuousServer::new(rules.clone(), memory, step_time)))
        }
        Ok(Shortcut::Sglang(rules)) => {
            let most_in_flight = if rules.overlap_schedule { 2 } else { 1 };
            let scheduler = FastSglang::new(rules.clone(), memory);
            Implementation::Sglang(Box::new(FastServer::new(scheduler, longest, most_in_flight, step_time)))
        }
    };
    Server(implementation)
}

/// Whether there is a shortcut for the server's policy, so that [`fast`] makes another engine than [`reference`].
pub fn has_fast(settings: &ServerSettings) -> bool {
    shortcut(settings).is_ok()
}

/// Whether steps alike are one leap on it.
pub fn leaps(settings: &ServerSettings) -> bool {
    !matches!(shortcut(settings), Err(_) | Ok(Shortcut::Drafting(..)))
}

/// What has no shortcut, in words, if the server's policy as it is set up has none: `orca`, `continuous with drafts`.
pub fn without_fast(settings: &ServerSettings) -> Option<&'static str> {
    shortcut(settings).err()
}

/// A policy for which the fast engine has a shortcut.
enum Shortcut<'a> {
    None,
    Static(&'a StaticSettings),
    Planned(Box<dyn Policy>),
    Continuous(&'a ContinuousSettings),
    Drafting(&'a ContinuousSettings, &'a Speculative),
    Sglang(&'a SglangSettings),
}

/// The shortcut of a server's policy; otherwise what has none.
fn shortcut(settings: &ServerSettings) -> Result<Shortcut<'_>, &'static str> {
    match &settings.policy {
        PolicySettings::None(_) => Ok(Shortcut::None),
        PolicySettings::Static(rules) => Ok(Shortcut::Static(rules)),
        PolicySettings::Continuous(rules) if rules.offload.is_some() => {
            Err("continuous with KV cache in the memory of the CPU")
        }
        PolicySettings::Continuous(rules) if rules.speculative.is_some() && settings.memory().kv_groups.is_some() => {
            Err("continuous with drafts over groups of layers")
        }
        PolicySettings::Continuous(rules) if rules.priority && settings.memory().kv_groups.is_some() => {
            Err("continuous with priorities over groups of layers")
        }
        PolicySettings::Continuous(rules) if !FastContinuous::knows(rules, &settings.memory()) => {
            Err("continuous over such groups of layers")
        }
        PolicySettings::Continuous(rules) => match &rules.speculative {
            Some(drafts) => Ok(Shortcut::Drafting(rules, drafts)),
            None => Ok(Shortcut::Continuous(rules)),
        },
        PolicySettings::Sglang(rules) => Ok(Shortcut::Sglang(rules)),
        other => {
            let policy = other.policy(settings.memory());
            policy.map(Shortcut::Planned).ok_or(other.description().name)
        }
    }
}
