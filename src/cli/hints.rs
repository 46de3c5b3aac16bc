//! What the flags of other tools (vLLM's server and benchmark, and others) are called here.

use std::ffi::OsString;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// What some flags mean.
struct Hint {
    /// Without their dashes.
    flags: &'static [&'static str],
    here: Here,
}

/// What is written here instead.
enum Here {
    /// A key of the scenario with a value, as in TOML.
    Key(&'static str, &'static str),
    /// A flag, and what follows it.
    Flag(&'static str, &'static str),
    /// Nothing: it is not modelled, and what comes nearest.
    Nothing(&'static str),
}

const HINTS: &[Hint] = &[
    Hint {
        flags: &["request-rate", "qps", "rps", "arrival-rate"],
        here: Here::Flag("rate", "8"),
    },
    Hint {
        flags: &["max-concurrency", "users", "num-users"],
        here: Here::Flag("concurrency", "32"),
    },
    Hint {
        flags: &["burstiness"],
        here: Here::Key("workload.arrivals", r#"{ process = "gamma", rate = 8, cv = 2 }"#),
    },
    Hint {
        flags: &["num-prompts", "num-requests", "request-count"],
        here: Here::Flag("requests", "1000"),
    },
    Hint {
        flags: &[
            "random-input-len",
            "random-input",
            "input-len",
            "isl",
            "prompt-tokens",
            "synthetic-input-tokens-mean",
        ],
        here: Here::Key("workload.prompt", r#"{ dist = "fixed", value = 1024 }"#),
    },
    Hint {
        flags: &[
            "random-output-len",
            "random-output",
            "output-len",
            "osl",
            "output-tokens",
            "output-tokens-mean",
        ],
        here: Here::Key("workload.output", r#"{ dist = "fixed", value = 128 }"#),
    },
    Hint {
        flags: &[
            "dataset-name",
            "dataset-path",
            "dataset",
            "trace",
            "trace-file",
            "input-file",
        ],
        here: Here::Key("workload", r#"{ trace = { path = "trace.csv" } }"#),
    },
    Hint {
        flags: &["random-prefix-len", "prefix-len", "shared-prefix-len"],
        here: Here::Key("workload.prefix", "{ pool = 1, tokens = 512 }"),
    },
    Hint {
        flags: &["dtype", "quantization"],
        here: Here::Key("model.weights", "fp8"),
    },
    Hint {
        flags: &["num-gpu-blocks-override", "num-gpu-blocks"],
        here: Here::Key("server.kv_blocks", "27510"),
    },
    Hint {
        flags: &["speculative-config", "speculative-algorithm"],
        here: Here::Key(
            "batching.speculative",
            r#"{ method = "eagle", tokens = 3, acceptance = 0.7 }"#,
        ),
    },
    Hint {
        flags: &["max-batch-size"],
        here: Here::Flag("max-num-seqs", "64"),
    },
    Hint {
        flags: &["tp", "tp-size", "tensor-parallel"],
        here: Here::Flag("tensor-parallel-size", "2"),
    },
    Hint {
        flags: &["context-length"],
        here: Here::Flag("max-model-len", "16384"),
    },
    Hint {
        flags: &["mem-fraction-static"],
        here: Here::Flag("gpu-memory-utilization", "0.9"),
    },
    Hint {
        flags: &["device", "hardware", "gpu-type"],
        here: Here::Flag("gpu", "h100-sxm"),
    },
    Hint {
        flags: &["model-path", "model-name"],
        here: Here::Flag("model", "llama-3.1-8b"),
    },
    Hint {
        flags: &["goodput"],
        here: Here::Flag("slo", "'ttft.p99<2s'"),
    },
    Hint {
        flags: &["json", "output-json"],
        here: Here::Flag("format", "json"),
    },
    Hint {
        flags: &["save-result", "save-detailed", "result-filename"],
        here: Here::Flag("requests-out", "requests.csv"),
    },
    Hint {
        flags: &["pipeline-parallel-size", "pp", "pp-size"],
        here: Here::Nothing("pipeline parallelism is not modelled; --tensor-parallel-size is"),
    },
    Hint {
        flags: &["data-parallel-size", "dp", "dp-size", "num-replicas", "replicas"],
        here: Here::Nothing(
            "a scenario is one server; `tailcast capacity SCENARIO --rate RATE` says how many of them a rate needs",
        ),
    },
    Hint {
        flags: &["enable-expert-parallel", "expert-parallel-size", "ep", "ep-size"],
        here: Here::Nothing("expert parallelism is not modelled; --tensor-parallel-size splits experts too"),
    },
    Hint {
        flags: &["enable-lora", "lora-modules"],
        here: Here::Nothing("LoRA adapters are not modelled"),
    },
    Hint {
        flags: &["swap-space", "cpu-offload-gb", "kv-transfer-config"],
        here: Here::Nothing("memory beside the GPU's is not modelled: a request that is preempted is computed again"),
    },
];

impl Here {
    /// The hint in words; `None` where the verb has no such flag.
    fn in_words(&self, verb: &Command) -> Option<String> {
        let has = |flag: &str| verb.get_arguments().any(|argument| argument.get_long() == Some(flag));
        match self {
            Self::Key(key, value) if has("set") => {
                let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
                let quote = if is_plain { "" } else { "'" };
                Some(format!("a scenario says it: --set {quote}{key}={value}{quote}"))
            }
            Self::Flag(flag, value) if has(flag) => Some(format!("the flag is --{flag} {value}")),
            Self::Nothing(why) if has("set") => Some((*why).to_owned()),
            _ => None,
        }
    }
}

/// Puts into an error about an unknown flag what it is called here; `command` is the whole command line.
pub fn add(error: &mut Error, command: &Command, arguments: impl Iterator<Item = OsString>) {
    let flag = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) => flag.trim_start_matches('-').to_owned(),
        _ => return,
    };
    let mut words = arguments.filter_map(|word| word.into_string().ok());
    let verb = words.find_map(|word| command.find_subcommand(word));
    if let Some(hint) = verb.and_then(|verb| hint(&flag, verb)) {
        error.remove(ContextKind::SuggestedArg);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![StyledStr::from(hint)]),
        );
    }
}

/// What a flag of another tool, without its dashes, is called in a verb.
fn hint(flag: &str, verb: &Command) -> Option<String> {
    let flag = flag.replace('_', "-");
    let hint = HINTS.iter().find(|hint| hint.flags.contains(&flag.as_str()))?;
    hint.here.in_words(verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flag, Layers};
    use crate::study::Base;
    use clap::CommandFactory;
    use std::collections::HashSet;

    /// Verbs that have flags of their own.
    fn verbs() -> Vec<Command> {
        let mut command = crate::cli::Arguments::command();
        command.build();
        command.get_subcommands().cloned().collect()
    }

    #[test]
    fn every_key_that_a_hint_names_can_be_set_so() {
        let folder = tempfile::tempdir().unwrap();
        let trace = "arrival_s,input_tokens,output_tokens\n0,10,5\n";
        std::fs::write(folder.path().join("trace.csv"), trace).unwrap();
        for hint in HINTS {
            if let Here::Key(key, value) = hint.here {
                let flag = Flag {
                    base: folder.path().to_owned(),
                    ..Flag::new("--set", format!("{key}={value}"))
                };
                let layers = Layers {
                    flags: vec![flag],
                    ..Layers::default()
                };
                let loaded = Base::new(layers, None).load();
                assert!(loaded.is_ok(), "{key}={value}: {}", loaded.err().unwrap());
            }
        }
    }

    #[test]
    fn every_flag_that_a_hint_names_is_one_of_run() {
        let run = verbs().into_iter().find(|verb| verb.get_name() == "run").unwrap();
        for one in HINTS {
            let words = hint(one.flags[0], &run).unwrap_or_else(|| panic!("{:?} has no hint", one.flags));
            let named = words.split_whitespace().filter_map(|word| word.strip_prefix("--"));
            for flag in named.filter(|flag| !words.contains(&format!("capacity SCENARIO --{flag}"))) {
                let has = run.get_arguments().any(|it| it.get_long() == Some(flag));
                assert!(has, "{words}");
            }
        }
        let capacity = verbs().into_iter().find(|verb| verb.get_name() == "capacity").unwrap();
        assert!(capacity.get_arguments().any(|it| it.get_long() == Some("rate")));
    }

    #[test]
    fn a_flag_has_one_hint_and_is_no_flag_of_run() {
        let run = verbs().into_iter().find(|verb| verb.get_name() == "run").unwrap();
        let mut seen = HashSet::new();
        for flag in HINTS.iter().flat_map(|hint| hint.flags) {
            assert!(seen.insert(flag), "{flag} has two hints");
            assert!(run.get_arguments().all(|it| it.get_long() != Some(*flag)), "{flag}");
        }
    }

    #[test]
    fn a_verb_is_told_of_no_flag_that_it_does_not_have() {
        let all = verbs();
        let of = |verb: &str, flag: &str| hint(flag, all.iter().find(|it| it.get_name() == verb).unwrap());
        assert_eq!(of("run", "request_rate").unwrap(), "the flag is --rate 8");
        assert_eq!(of("models", "request-rate"), None);
        assert_eq!(of("models", "json").unwrap(), "the flag is --format json");
        assert_eq!(of("sweep", "json"), None);
    }
}
