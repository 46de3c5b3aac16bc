//! Which servers could be bought: every combination of what is to be tried, and the scenario's own.

use crate::config::{Diagnostic, Flag, NoScenario, Scenario};
use crate::hardware::DoesNotFit;
use crate::study::{Base, Input, Plan};

/// A server that could be bought, as many of them as are needed.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// What sets it apart, in words.
    pub label: String,
    /// Whether it is the scenario's own.
    pub is_own: bool,
    /// What makes the scenario's server one of these.
    pub flags: Vec<Flag>,
    /// The scenario with this server.
    pub input: Input,
    /// What an hour of a server costs [$]; `None` if nobody says.
    pub server_hour: Option<f64>,
}

/// A server that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTried {
    /// What sets it apart, in words.
    pub label: String,
    /// Why not.
    pub why: String,
}

/// Servers that could be bought.
pub struct ShoppingList {
    /// The keys that set them apart.
    pub keys: Vec<String>,
    /// Those that can be had.
    pub purchases: Vec<Purchase>,
    /// Those that cannot.
    pub not_tried: Vec<NotTried>,
}

const GIB: f64 = (1_u64 << 30) as f64;

impl ShoppingList {
    /// All combinations of a plan over the scenario `own`, and that itself. A value of an axis that no combination can
    /// have is an error, unless `is_everything`: then servers without a price are left out too.
    pub fn read(base: &Base, own: &Input, plan: &Plan, is_everything: bool) -> Result<Self, Diagnostic> {
        let mut list = Self {
            keys: plan.keys().map(str::to_owned).collect(),
            purchases: Vec::new(),
            not_tried: Vec::new(),
        };
        let own_server = format!("{:?}", own.scenario.deployment);
        let mut refused: Vec<(usize, Diagnostic)> = Vec::new();
        for point in 0..plan.points() {
            let (label, flags) = (plan.label(point), plan.flags(point));
            match base.with(&flags) {
                Ok(input) => {
                    let is_own = format!("{:?}", input.scenario.deployment) == own_server;
                    list.add(own, Purchase::new(label, is_own, flags, input, own), is_everything);
                }
                Err(NoScenario::DoesNotFit(shortage)) => list.leave_out(label, shortage_in_words(&shortage)),
                Err(NoScenario::Invalid(problem)) => {
                    list.leave_out(label, problem.message.clone());
                    refused.push((point, *problem));
                }
            }
        }
        if !is_everything && let Some(problem) = never_valid(plan, refused) {
            return Err(problem);
        }
        if !list.purchases.iter().any(|purchase| purchase.is_own) {
            let label = "as in the scenario".to_owned();
            let own = Purchase::new(label, true, Vec::new(), own.clone(), own);
            list.purchases.insert(0, own);
        }
        Ok(list)
    }

    fn add(&mut self, own: &Input, purchase: Purchase, needs_price: bool) {
        if needs_price && purchase.server_hour.is_none() && !purchase.is_own {
            let rules = own.scenario.cost_rules();
            let why = format!("{} has no {} price of its GPU", rules.file, rules.commitment.name());
            self.leave_out(purchase.label, why);
        } else {
            self.purchases.push(purchase);
        }
    }

    fn leave_out(&mut self, label: String, why: String) {
        self.not_tried.push(NotTried { label, why });
    }
}

impl Purchase {
    fn new(label: String, is_own: bool, flags: Vec<Flag>, input: Input, own: &Input) -> Self {
        Self {
            server_hour: server_hour(&input.scenario, &own.scenario),
            label,
            is_own,
            flags,
            input,
        }
    }

    /// The GPU's name.
    pub fn gpu(&self) -> &str {
        self.input.scenario.deployment.gpu.name()
    }

    /// GPUs of a server.
    pub fn gpus(&self) -> u32 {
        self.input.scenario.deployment.tensor_parallel
    }
}

/// What an hour of a server costs [$]. Who writes what an hour of a GPU costs means the scenario's own: others are as
/// listed.
fn server_hour(scenario: &Scenario, own: &Scenario) -> Option<f64> {
    let mut rules = scenario.cost_rules();
    if scenario.deployment.gpu.name() != own.deployment.gpu.name() {
        rules.gpu_hour = None;
    }
    rules.server_hour_dollars(rules.servers.first()?, rules.commitment)
}

fn shortage_in_words(shortage: &DoesNotFit) -> String {
    match shortage {
        DoesNotFit::Setting(bad) => bad.to_string(),
        DoesNotFit::Memory(shortage) => format!(
            "does not fit: with one request of {} tokens each GPU needs {:.1} GiB, and has {:.1}",
            shortage.max_model_len,
            shortage.memory_needed_bytes() as f64 / GIB,
            shortage.budget.total_bytes as f64 / GIB
        ),
    }
}

/// The first problem of a value that was refused in every combination that has it.
fn never_valid(plan: &Plan, refused: Vec<(usize, Diagnostic)>) -> Option<Diagnostic> {
    let values: Vec<Vec<&str>> = (0..plan.points()).map(|point| plan.values(point)).collect();
    let is_refused: Vec<bool> = (0..plan.points())
        .map(|point| refused.iter().any(|(other, _)| *other == point))
        .collect();
    let is_hopeless = |point: usize| {
        let mut keys = values[point].iter().enumerate();
        keys.any(|(key, value)| {
            let mut same = (0..plan.points()).filter(|&other| values[other][key] == *value);
            same.all(|other| is_refused[other])
        })
    };
    let mut refused = refused.into_iter();
    refused.find_map(|(point, problem)| is_hopeless(point).then_some(problem))
}
