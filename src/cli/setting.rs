//! What a study simulated, in the words of its reports.

use std::env;
use std::fmt::Write;

use super::explain;
use crate::report::Setting;
use crate::study::Input;

/// The setting of a study of `input`, each variation with so many runs, with what was changed or taken for granted.
pub fn of(input: &Input, runs: u32, assumptions: Vec<String>) -> Setting {
    let scenario = &input.scenario;
    let requests = input
        .requests_expected()
        .map_or_else(|| "all requests".to_owned(), |requests| format!("{requests} requests"));
    let seed = scenario.seed;
    let runs = match runs {
        0 | 1 => format!("{requests}, seed {seed}"),
        runs => format!("{requests} with each of {runs} seeds from {seed}"),
    };
    let mut rests_on = vec![explain::fidelity(scenario)];
    rests_on.extend(assumptions);
    Setting {
        name: scenario.name.clone(),
        server: server(input),
        runs,
        scenario_hash: scenario.hash(),
        seed,
        assumptions: rests_on,
        command: command(),
        scenario: settings(input),
    }
}

/// The setting of variations side by side: in its line only what all have in common.
pub fn of_all(inputs: &[&Input], runs: u32, assumptions: Vec<String>) -> Setting {
    let mut setting = of(inputs[0], runs, assumptions);
    let lines: Vec<String> = inputs.iter().map(|input| server(input)).collect();
    let is_common = |part: &&str| lines.iter().all(|line| line.split(" · ").any(|it| it == *part));
    let parts: Vec<&str> = lines[0].split(" · ").filter(is_common).collect();
    setting.server = parts.join(" · ");
    setting
}

fn server(input: &Input) -> String {
    let scenario = &input.scenario;
    format!(
        "{} · {}×{} · {}",
        scenario.model.name(),
        scenario.tensor_parallel,
        scenario.gpu.name(),
        explain::policy_name(&scenario.server.policy)
    )
}

/// This process's command, as a shell would take it.
fn command() -> String {
    let arguments = env::args_os().skip(1);
    let words = arguments.map(|argument| quoted(&argument.to_string_lossy()));
    let words: Vec<String> = ["tailcast".to_owned()].into_iter().chain(words).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn settings(input: &Input) -> String {
    let mut text = String::new();
    for setting in &input.scenario.settings {
        let origin = if setting.is_default { " (default)" } else { "" };
        let _ = writeln!(text, "{} = {}{origin}", setting.key, setting.value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("--rate=1..40+1"), "--rate=1..40+1");
        assert_eq!(quoted("ttft.p99<2s"), "'ttft.p99<2s'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
