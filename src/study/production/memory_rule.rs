//! Rules of thumb for memory, in the user's own numbers or in those of the scenario.

use super::{Answered, OwnTraffic};
use crate::config::MemoryRule;
use crate::study::Input;

/// A number of a rule, and whether the user has given it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleNumber {
    /// [bytes].
    pub bytes: f64,
    /// Whether it stands in `[capacity]`; otherwise it is that of the scenario's model and GPU.
    pub is_written: bool,
}

/// The formula (memory - weights) / KV per user, of one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calculator {
    /// Memory of a GPU.
    pub memory: RuleNumber,
    /// Weights on a GPU.
    pub weights: RuleNumber,
    /// KV cache of a user on a GPU.
    pub kv_per_user: RuleNumber,
    /// What the engine does not touch, keeps for its work and for libraries, which the formula forgets [bytes].
    pub forgotten_bytes: f64,
}

impl Calculator {
    /// In the user's numbers as far as there are some, else in those of the scenario, whose mean context is the user's.
    pub(super) fn of(input: &Input, own: &OwnTraffic) -> Self {
        let rule = input.scenario.memory_rule.unwrap_or_default();
        let budget = &input.scenario.deployment.memory;
        let number = |written: Option<f64>, of_scenario: f64| RuleNumber {
            bytes: written.unwrap_or(of_scenario),
            is_written: written.is_some(),
        };
        let memory = number(rule.memory_bytes, budget.total_bytes as f64);
        let kept_share = 1.0 - budget.requested_bytes as f64 / budget.total_bytes as f64;
        let context = own.summary.mean_context_tokens().unwrap_or(1.0);
        Self {
            memory,
            weights: number(
                rule.weights_bytes,
                (budget.weights_bytes + budget.draft_weights_bytes) as f64,
            ),
            kv_per_user: number(rule.kv_bytes_per_user, budget.kv_bytes_of_user(context)),
            forgotten_bytes: memory.bytes * kept_share + budget.activations_bytes as f64 + budget.overhead_bytes as f64,
        }
    }

    /// Users by the formula.
    pub fn users(&self) -> f64 {
        (self.memory.bytes - self.weights.bytes).max(0.0) / self.kv_per_user.bytes
    }

    /// Users without the memory that it forgets.
    pub fn users_with_all(&self) -> f64 {
        (self.memory.bytes - self.weights.bytes - self.forgotten_bytes).max(0.0) / self.kv_per_user.bytes
    }
}

/// The rule peak * KV per user * overhead * redundancy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleOfThumb {
    /// Users at once at the busiest time.
    pub users: f64,
    /// Whether the user has given them; otherwise the simulation saw as many.
    pub users_are_written: bool,
    /// KV cache of a user [bytes].
    pub kv_bytes_per_user: f64,
    /// How much more is taken than users need.
    pub overhead: f64,
    /// How many times as much as is needed is kept.
    pub redundancy: f64,
    /// Memory of a GPU [bytes].
    pub gpu_bytes: f64,
    /// Weights on each GPU [bytes].
    pub weights_bytes: f64,
    /// GPUs that share a model.
    pub tensor_parallel: u32,
}

impl RuleOfThumb {
    /// In the user's numbers as far as there are some.
    pub(super) fn of(input: &Input, own: &OwnTraffic, calculator: &Calculator) -> Answered<Self> {
        let rule: MemoryRule = input.scenario.memory_rule.unwrap_or_default();
        let seen = own.summary.queue.running.max.map(|most| most as f64);
        let users = rule.users.or(seen).ok_or("nobody was served")?;
        Ok(Self {
            users,
            users_are_written: rule.users.is_some(),
            kv_bytes_per_user: calculator.kv_per_user.bytes,
            overhead: rule.overhead,
            redundancy: rule.redundancy,
            gpu_bytes: calculator.memory.bytes,
            weights_bytes: calculator.weights.bytes,
            tensor_parallel: input.scenario.deployment.tensor_parallel,
        })
    }

    /// Memory for users by the rule, on all GPUs that share a model each its part [bytes].
    pub fn bytes(&self) -> f64 {
        self.users * self.kv_bytes_per_user * self.overhead * self.redundancy
    }

    /// GPUs that hold as much, weights left out as the rule does.
    pub fn gpus(&self) -> f64 {
        (self.bytes() / self.gpu_bytes).ceil() * f64::from(self.tensor_parallel)
    }

    /// GPUs that hold as much beside the weights that each of them has to hold; infinite if there is no room beside them.
    pub fn gpus_with_weights(&self) -> f64 {
        let room = (self.gpu_bytes - self.weights_bytes).max(0.0);
        (self.bytes() / room).ceil() * f64::from(self.tensor_parallel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_users_of_half_a_gigabyte_take_two_gpus_of_eighty() {
        let rule = RuleOfThumb {
            users: 100.0,
            users_are_written: true,
            kv_bytes_per_user: 500e6,
            overhead: 1.3,
            redundancy: 2.0,
            gpu_bytes: 80e9,
            weights_bytes: 60e9,
            tensor_parallel: 1,
        };
        assert!((rule.bytes() - 130e9).abs() < 1.0);
        assert_eq!((rule.gpus(), rule.gpus_with_weights()), (2.0, 7.0));
    }

    #[test]
    fn the_calculator_forgets_what_the_engine_keeps() {
        let written = |bytes| RuleNumber {
            bytes,
            is_written: true,
        };
        let calculator = Calculator {
            memory: written(80e9),
            weights: written(60e9),
            kv_per_user: written(200e6),
            forgotten_bytes: 10e9,
        };
        assert_eq!((calculator.users(), calculator.users_with_all()), (100.0, 50.0));
    }
}
