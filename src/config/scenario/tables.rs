//! Every key of a scenario, by table: made of the declarations that stand beside the readers.

use super::admission::ADMISSION;
use super::budget::BUDGET;
use super::capacity_rule::CAPACITY;
use super::class::CLASS;
use super::client::CLIENT;
use super::cost::COST;
use super::fleet::FLEET;
use super::model::MODEL;
use super::path::PATH;
use super::reliability::RELIABILITY;
use super::retrieval::RETRIEVAL;
use super::server::SERVER;
use super::slo::SLO;
use super::workload::WORKLOAD;
use crate::config::reader::document::same_key;
use crate::policy::vllm::PROFILE;
use crate::policy::{POLICIES, POLICY};
use crate::settings::{Kind, Setting};

/// The scenario's name.
pub(super) const NAME: Setting = Setting::new("name", Kind::Text, "What the scenario is called in reports")
    .default("\"unnamed\"", "it changes no result");
/// What all randomness grows from.
pub(super) const SEED: Setting = Setting::new(
    "seed",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "What all randomness grows from: the same seed gives the same results",
)
.default("42", "any number will do");
/// `[batching]`, whose keys are those of all policies.
const BATCHING: Setting = Setting::new(
    "batching",
    Kind::Table(&[]),
    "How requests share steps; keys of other policies than the one that is used are checked, but decide nothing",
);

/// A table of a scenario.
#[derive(Debug)]
pub struct ScenarioTable {
    /// Its declaration; `None` for the top level.
    pub declared: Option<&'static Setting>,
    /// The keys that may stand in it.
    pub keys: Vec<KeyOf>,
}

/// A key of a table.
#[derive(Debug)]
pub struct KeyOf {
    /// How the key is declared.
    pub setting: &'static Setting,
    /// The policies that have it; empty if it belongs to no policy.
    pub policies: Vec<&'static str>,
}

impl ScenarioTable {
    /// Its name; empty for the top level.
    pub fn name(&self) -> &'static str {
        self.declared.map_or("", |declared| declared.name)
    }

    fn of(declared: &'static Setting) -> Self {
        let Kind::Table(keys) = declared.kind else {
            unreachable!("`{}` is declared as {:?}", declared.name, declared.kind);
        };
        Self {
            declared: Some(declared),
            keys: keys.iter().map(|&setting| KeyOf::any(setting)).collect(),
        }
    }

    fn batching() -> Self {
        let mut keys = vec![KeyOf::any(&POLICY), KeyOf::any(&PROFILE)];
        for policy in &POLICIES {
            for &setting in policy.settings {
                match keys.iter_mut().find(|key| std::ptr::eq(key.setting, setting)) {
                    Some(key) => key.policies.push(policy.name),
                    None => keys.push(KeyOf {
                        setting,
                        policies: vec![policy.name],
                    }),
                }
            }
        }
        Self {
            declared: Some(&BATCHING),
            keys,
        }
    }
}

impl KeyOf {
    /// A key that belongs to no policy.
    pub const fn any(setting: &'static Setting) -> Self {
        Self {
            setting,
            policies: Vec::new(),
        }
    }
}

/// The tables, in the order in which they are explained; the top level first.
pub fn tables() -> Vec<ScenarioTable> {
    let top = ScenarioTable {
        declared: None,
        keys: vec![KeyOf::any(&NAME), KeyOf::any(&SEED), KeyOf::any(&CLASS)],
    };
    let objectives = ScenarioTable {
        declared: Some(&SLO),
        keys: Vec::new(),
    };
    vec![
        top,
        ScenarioTable::of(&MODEL),
        ScenarioTable::of(&SERVER),
        ScenarioTable::batching(),
        ScenarioTable::of(&WORKLOAD),
        ScenarioTable::of(&CLIENT),
        ScenarioTable::of(&ADMISSION),
        ScenarioTable::of(&FLEET),
        ScenarioTable::of(&PATH),
        ScenarioTable::of(&RETRIEVAL),
        ScenarioTable::of(&RELIABILITY),
        ScenarioTable::of(&CAPACITY),
        objectives,
        ScenarioTable::of(&COST),
        ScenarioTable::of(&BUDGET),
    ]
}

/// The table that a key belongs to, for those who look for it in another one: of several the last, as keys of classes
/// and servers of pools are looked for in the tables of workloads and requests. `None` if the top level has one of that
/// name.
pub fn home(key: &str) -> Option<&'static str> {
    let has = |table: &ScenarioTable| table.keys.iter().any(|it| it.setting.is_spelled(key));
    let mut with_it = tables().into_iter().filter(has);
    let first = with_it.next()?;
    let name = if first.name().is_empty() {
        ""
    } else {
        with_it.next_back().unwrap_or(first).name()
    };
    Some(name).filter(|name| !name.is_empty())
}

impl Setting {
    /// Whether `key` is one of its spellings.
    pub(super) fn is_spelled(&self, key: &str) -> bool {
        let spellings = [self.name].into_iter().chain(self.aliases.iter().copied());
        spellings.into_iter().any(|spelling| same_key(spelling, key))
    }
}

/// Every key of the tables at the top with the name of its table before it, and every table with its own. Of a key that
/// policies declare differently, the first one's.
pub fn settings() -> Vec<(String, &'static Setting)> {
    let mut found: Vec<(String, &'static Setting)> = Vec::new();
    for table in tables() {
        if let Some(declared) = table.declared {
            found.push((declared.name.to_owned(), declared));
        }
        for key in &table.keys {
            let name = [table.name(), key.setting.name].join(".");
            let name = name.trim_start_matches('.');
            if found.iter().all(|(other, _)| other != name) {
                found.push((name.to_owned(), key.setting));
            }
        }
    }
    found
}

/// Settings with a flag of the command line, each with the key that it sets.
pub fn flags() -> Vec<(String, &'static Setting)> {
    let mut found: Vec<(String, &'static Setting)> = Vec::new();
    for table in tables() {
        for key in &table.keys {
            let is_new = |flag: &&str| found.iter().all(|(_, other)| other.flag.as_ref() != Some(flag));
            if key.setting.flag.as_ref().is_some_and(is_new) {
                found.push((format!("{}.{}", table.name(), key.setting.name), key.setting));
            }
        }
    }
    found
}
