//! Examples of each verb, which stand at the end of its help.

use clap::Command;

/// Verbs, and command lines with what each is for.
const EXAMPLES: [(&str, &[(&str, &str)]); 18] = [
    (
        "run",
        &[
            ("tailcast run", "an embedded demo"),
            ("tailcast run my.toml --seeds 8", "with 95 % intervals"),
            (
                "tailcast run my.toml --rate 40 --gpu l40s --slo ttft.p99<2s",
                "what if?",
            ),
            (
                "tailcast run my.toml --html run.html --figure tail=tail.svg",
                "to look at",
            ),
            ("tailcast run my.toml --format vllm", "as vllm bench serve prints it"),
        ],
    ),
    (
        "check",
        &[("tailcast check my.toml", "do both engines tell the same of it?")],
    ),
    (
        "compare",
        &[
            (
                "tailcast compare my.toml --vary batching.policy=none,static,continuous",
                "one key",
            ),
            (
                "tailcast compare my.toml --vary model.weights=bf16,fp8 --no-capacity",
                "faster",
            ),
            ("tailcast compare a.toml b.toml --html report.html", "two scenarios"),
        ],
    ),
    (
        "curve",
        &[
            ("tailcast curve my.toml --concurrency 1..512", "where is the knee?"),
            (
                "tailcast curve my.toml --rate 1..40+3 --figure curve.svg",
                "over a rate, drawn",
            ),
            (
                "tailcast curve my.toml --concurrency 1..64 --measured bench.json",
                "beside what was measured",
            ),
        ],
    ),
    (
        "capacity",
        &[
            (
                "tailcast capacity my.toml --slo ttft.p99<2s",
                "what binds, and what would help",
            ),
            ("tailcast capacity my.toml --rate 100", "how many servers for that?"),
            ("tailcast capacity my.toml --seeds 1 --no-changes", "the short answer"),
        ],
    ),
    ("plan", &[("tailcast plan my.toml --html plan.html", "is it ready?")]),
    (
        "sweep",
        &[
            ("tailcast sweep study.toml --dry-run", "what would run"),
            ("tailcast sweep study.toml --out results.csv", "run it"),
        ],
    ),
    (
        "merge",
        &[(
            "tailcast merge part1.csv part2.csv --out all.csv",
            "shards of one sweep",
        )],
    ),
    (
        "report",
        &[("tailcast report results.csv --html report.html", "a page for sharing")],
    ),
    (
        "calibrate",
        &[(
            "tailcast calibrate my.toml bench.json --out times.toml",
            "then server.step_time = \"times.toml\"",
        )],
    ),
    (
        "validate",
        &[(
            "tailcast validate experiments.toml --figure errors.svg",
            "predicted beside measured",
        )],
    ),
    (
        "serve",
        &[("tailcast serve my.toml --port 8000", "an API server without a GPU")],
    ),
    (
        "steps",
        &[(
            "tailcast steps log.json",
            "an experiment of a scheduler log, step by step",
        )],
    ),
    (
        "trace",
        &[
            ("tailcast trace info gateway.jsonl", "what is in it?"),
            (
                "tailcast trace convert gateway.jsonl --to mooncake --out t.jsonl",
                "for another tool",
            ),
        ],
    ),
    (
        "models",
        &[
            ("tailcast models", "all"),
            ("tailcast models llama-3.1-8b", "one, with sources"),
        ],
    ),
    (
        "gpus",
        &[
            ("tailcast gpus", "all"),
            ("tailcast gpus h100-sxm", "one, with sources"),
        ],
    ),
    ("init", &[("tailcast init my.toml", "a scenario to start from")]),
    (
        "schema",
        &[("tailcast schema", "into tailcast.schema.json, for your editor")],
    ),
];

/// The command line with examples in the help of its verbs.
pub fn add(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, examples)| {
        command.mut_subcommand(verb, |verb| {
            let before = verb.get_after_help().map(|help| format!("{help}\n\n"));
            let help = before.unwrap_or_default() + &in_lines(examples);
            verb.after_help(help)
        })
    })
}

fn in_lines(examples: &[(&str, &str)]) -> String {
    let lines = examples
        .iter()
        .map(|(line, what)| format!("  {}    # {what}", quoted(line)));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// As it is typed: what a shell would take for a redirection stands in quotes.
fn quoted(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        if word.contains(['<', '>']) {
            format!("'{word}'")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command_line() {
        for (verb, examples) in EXAMPLES {
            for (line, _) in examples {
                let parsed = crate::cli::command().try_get_matches_from(line.split(' '));
                let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!(parsed.subcommand_name(), Some(verb), "{line}");
            }
        }
    }

    #[test]
    fn every_verb_that_needs_one_has_an_example() {
        let plain = ["completions", "man", "help"];
        for verb in crate::cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has_one = help.contains("Examples:\n  tailcast ");
            assert_eq!(has_one, !plain.contains(&verb.get_name()), "{}", verb.get_name());
        }
    }
}
