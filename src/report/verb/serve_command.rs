//! The command that starts a server as it was simulated.

use crate::config::{Scenario, catalogue};
use crate::hardware::{KvPrecision, WeightPrecision};
use crate::policy::PolicySettings;

/// `vllm serve` with its arguments.
pub struct ServeCommand {
    /// What follows `vllm serve`.
    pub arguments: Vec<String>,
    /// What whoever starts it should know.
    pub remarks: Vec<String>,
    /// The release of vLLM: `0.33`.
    pub release: String,
}

/// Stands where nobody has said what the model is called.
const PLACEHOLDER: &str = "YOUR_MODEL";

/// Keys with the flags that mean the same number (`vllm serve --help`).
const NUMBERS: [(&str, &str); 8] = [
    ("server.tensor_parallel", "--tensor-parallel-size"),
    ("server.gpu_memory_utilization", "--gpu-memory-utilization"),
    ("server.max_model_len", "--max-model-len"),
    ("server.block_size", "--block-size"),
    ("server.kv_blocks", "--num-gpu-blocks-override"),
    ("batching.max_num_seqs", "--max-num-seqs"),
    ("batching.max_num_batched_tokens", "--max-num-batched-tokens"),
    (
        "batching.long_prefill_token_threshold",
        "--long-prefill-token-threshold",
    ),
];
/// The same of what is on or off: `--no-...` turns it off.
const SWITCHES: [(&str, &str); 3] = [
    ("batching.prefix_caching", "enable-prefix-caching"),
    ("batching.chunked_prefill", "enable-chunked-prefill"),
    ("batching.async_scheduling", "async-scheduling"),
];

impl ServeCommand {
    /// The command; otherwise why there is none.
    pub fn of(scenario: &Scenario) -> Result<Self, String> {
        let deployment = &scenario.deployment;
        let PolicySettings::Continuous(_) = deployment.server.policy else {
            let policy = deployment.server.policy.description().name;
            return Err(format!("batching.policy = \"{policy}\" is no server of vLLM's"));
        };
        let release = deployment.engine.strip_prefix("vLLM ").unwrap_or(&deployment.engine);
        let mut command = Self {
            arguments: Vec::new(),
            remarks: Vec::new(),
            release: release.to_owned(),
        };
        command.name_model(scenario);
        command.set_numbers(scenario);
        command.set_formats(scenario);
        command.set_switches(scenario);
        if deployment.drafts.is_some() {
            let remark = "add --speculative-config for batching.speculative: it names the drafter that you have";
            command.remarks.push(remark.to_owned());
        }
        Ok(command)
    }

    /// For a shell, in one line.
    pub fn to_shell(&self) -> String {
        // Nothing in it needs quotes: names of the catalogue, numbers, and words of this file.
        format!("vllm serve {}", self.arguments.join(" "))
    }

    fn name_model(&mut self, scenario: &Scenario) {
        let model = &scenario.deployment.model;
        // A file of one's own may be called as a model of the catalogue is.
        let known = catalogue::model_entry(model.name())
            .ok()
            .filter(|entry| entry.model == *model);
        let stored = known.as_ref().and_then(|entry| entry.checkpoint.as_ref());
        if let Some((name, _)) = stored.filter(|(_, format)| *format == scenario.deployment.weights) {
            return self.arguments.push(name.clone());
        }
        let names = known.map(|entry| entry.hugging_face).unwrap_or_default();
        let Some(name) = names.first() else {
            self.arguments.push(PLACEHOLDER.to_owned());
            let remark =
                format!("write the model's name on Hugging Face, or its folder, in the place of {PLACEHOLDER}");
            self.remarks.push(remark);
            return;
        };
        self.arguments.push(name.clone());
        if names.len() > 1 {
            let others = names[1..].join(", ");
            self.remarks.push(format!("as large and as fast are {others}"));
        }
    }

    fn set_numbers(&mut self, scenario: &Scenario) {
        for (key, flag) in NUMBERS {
            if let Some(value) = written(scenario, key)
                && value.parse::<f64>().is_ok()
            {
                self.arguments.extend([flag.to_owned(), value.to_owned()]);
            }
        }
    }

    fn set_formats(&mut self, scenario: &Scenario) {
        let deployment = &scenario.deployment;
        if deployment.kv_cache != KvPrecision::Bf16 {
            self.arguments
                .extend(["--kv-cache-dtype".to_owned(), deployment.kv_cache.name().to_owned()]);
        }
        let entry = catalogue::model_entry(deployment.model.name()).ok();
        let stored = entry.as_ref().and_then(|entry| entry.checkpoint.as_ref());
        if stored.is_some_and(|(_, format)| *format == deployment.weights) {
            return;
        }
        let published = entry.and_then(|entry| entry.stored_weights);
        match (published.unwrap_or(WeightPrecision::Bf16), deployment.weights) {
            (published, wanted) if published == wanted => {}
            // vLLM quantises 16 bits to 8-bit floats while it loads them.
            (WeightPrecision::Bf16, WeightPrecision::Fp8) => {
                self.arguments.extend(["--quantization", "fp8"].map(str::to_owned));
            }
            (published, wanted) => self.remarks.push(format!(
                "name a checkpoint whose weights are {wanted}: the model was published with {published}"
            )),
        }
    }

    fn set_switches(&mut self, scenario: &Scenario) {
        for (key, flag) in SWITCHES {
            match written(scenario, key) {
                Some("true") => self.arguments.push(format!("--{flag}")),
                Some("false") => self.arguments.push(format!("--no-{flag}")),
                _ => {}
            }
        }
        if written(scenario, "batching.scheduling") == Some("priority") {
            self.arguments
                .extend(["--scheduling-policy", "priority"].map(str::to_owned));
        }
    }
}

/// The value of a key that somebody wrote: what nobody wrote is the engine's own default.
fn written<'a>(scenario: &'a Scenario, key: &str) -> Option<&'a str> {
    let mut settings = scenario.settings.iter();
    let setting = settings.find(|setting| setting.key == key && !setting.is_default)?;
    Some(&setting.value)
}
