//! Paths that cannot be: each is refused with the place, and with what to write instead.

use tailcast::answer::{Base, Control, RunQuestion};

const HEAD: &str = r#"
model.name = "llama-3.1-8b"
server.gpu = "h100-sxm"
workload.requests = 20
workload.arrivals = { process = "poisson", rate = 8.0 }
workload.prompt = { dist = "fixed", value = 100 }
workload.output = { dist = "fixed", value = 10 }
"#;

/// What is written of the path behind `{ name = "llm" }`, and parts of what is said about it.
const BAD: &[(&str, &str, &str)] = &[
    ("{ name = \"llm\" }", "the name of a stage before it", "name of its own"),
    ("{ name = \"a\" }", "does not say how long it takes", "delay = \"20ms\""),
    (
        "{ delay = \"1s\" }",
        "`path.stage[1].name` is missing",
        "name = \"llm\"",
    ),
    ("{ name = \"skip\", delay = \"1s\" }", "no name of a stage", "otherwise"),
    (
        "{ name = \"llm.queue\", delay = \"1s\" }",
        "parts of `llm`",
        "otherwise",
    ),
    ("{ name = \"a\", delay = 3 }", "`path.stage[1].delay`", "\"2s\""),
    ("{ name = \"a\", delay = \"-1s\" }", "is negative", "units"),
    (
        "{ name = \"a\", delay = \"1s\", servers = 2 }",
        "exclude each other",
        "keep delay",
    ),
    (
        "{ name = \"a\", servers = 2 }",
        "`path.stage[1].service` is missing",
        "service = \"20ms\"",
    ),
    ("{ name = \"a\", servers = 0, service = \"1s\" }", "from 1 to", ""),
    (
        "{ name = \"a\", delay = \"1s\", queue = 3 }",
        "of a stage with servers",
        "servers = 4",
    ),
    ("{ name = \"a\", delay = \"1s\", times = 0 }", "from 1 to 10000", ""),
    ("{ name = \"a\", delay = \"1s\", times = 1.5 }", "whole number", ""),
    (
        "{ name = \"a\", delay = \"1s\", after = [\"b\"] }",
        "no stage called \"b\"",
        "stages: llm, a",
    ),
    (
        "{ name = \"a\", delay = \"1s\", after = \"llm\" }",
        "must be a list",
        "[ ... ]",
    ),
    (
        "{ name = \"a\", delay = \"1s\", after = [\"a\"] }",
        "in a circle",
        "do not come after it",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"a\" }",
        "is the stage itself",
        "another stage",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"retrival\" }",
        "no stage called",
        "stages: llm, a",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"llm\" }",
        "on the path itself",
        "a stage of its own",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"b\" }, { name = \"b\", delay = \"1s\", after = [\"llm\"] }",
        "on the path itself",
        "has no `after`",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"b\" }, { name = \"b\", delay = \"1s\" }, \
         { name = \"c\", delay = \"1s\", after = [\"b\"] }",
        "is a fallback of another stage",
        "passed for others",
    ),
    (
        "{ name = \"a\", delay = \"1s\", fallback = \"b\" }, { name = \"b\", delay = \"1s\", fallback = \"c\" }, \
         { name = \"c\", delay = \"1s\", fallback = \"b\" }",
        "stand in for each other",
        "\"skip\"",
    ),
    (
        "{ name = \"a\", delay = \"1s\", result_tokens = 5 }",
        "nothing of a stage on the way",
        "between_calls",
    ),
    (
        "{ name = \"a\", delay = \"1s\", mtbf = \"1d\" }",
        "`path.stage[1].repair` is missing",
        "repair = ",
    ),
    (
        "{ name = \"a\", delay = \"1s\", repair = \"1d\" }",
        "`path.stage[1].mtbf` is missing",
        "mtbf = ",
    ),
    (
        "{ name = \"a\", delay = \"1s\", mtbf = \"1ms\", repair = \"1s\" }",
        "at least a second",
        "30d",
    ),
    (
        "{ name = \"a\", delay = \"1s\", mtbf = \"1d\", repair = \"1s\", down = [{ at = \"1s\", duration = \"1s\" }] }",
        "says when the stage fails",
        "keep down",
    ),
    (
        "{ name = \"a\", delay = \"1s\", down = [{ at = \"1s\" }] }",
        "duration` is missing",
        "duration = \"30s\"",
    ),
    (
        "{ name = \"a\", delay = \"1s\", down = [{ at = \"9s\", duration = \"1s\" }, \
         { at = \"1s\", duration = \"1s\" }] }",
        "before the end of the outage before it",
        "in the order of time",
    ),
    (
        "{ name = \"a\", delay = { dist = \"normal\" } }",
        "cannot be",
        "allowed: fixed, uniform",
    ),
    (
        "{ name = \"a\", delay = { dist = \"uniform\", min = \"2s\", max = \"1s\" } }",
        "less than min",
        "raise max",
    ),
    (
        "{ name = \"a\", delay = { dist = \"lognormal\", median = \"0s\", sigma = 1 } }",
        "longer than nothing",
        "50ms",
    ),
    (
        "{ name = \"a\", delay = \"1s\", servrs = 3 }",
        "has no key `servrs`",
        "servers",
    ),
];

fn refusal(path: &str) -> String {
    let question = RunQuestion::of(Base::from_toml(&format!("{HEAD}{path}")));
    match question.answer(&Control::default()) {
        Ok(_) => panic!("{path} is taken"),
        Err(problem) => problem.diagnostic.to_string(),
    }
}

#[test]
fn bad_paths_are_refused_at_their_place() {
    for (written, message, help) in BAD {
        let said = refusal(&format!("path.stage = [{{ name = \"llm\" }}, {written}]"));
        assert!(said.contains(message) && said.contains(help), "{written}: {said}");
        assert!(said.contains(":8:"), "the place of {written}: {said}");
    }
}

#[test]
fn a_path_needs_one_model_that_is_what_it_is() {
    for (path, message, help) in [
        (
            "path.stage = [{ name = \"a\", delay = \"1s\" }]",
            "no stage called `llm`",
            "name = \"llm\"",
        ),
        (
            "path.stage = [{ name = \"llm\", delay = \"1s\" }]",
            "no `delay` of its own",
            "[server]",
        ),
        (
            "path.stage = [{ name = \"llm\", batch = 3 }]",
            "no `batch` of its own",
            "[batching]",
        ),
        (
            "path.stage = [{ name = \"llm\", mtbf = \"1d\", repair = \"1h\" }]",
            "failures are those of the fleet",
            "[[fleet.fault]]",
        ),
        (
            "path.stage = [{ name = \"llm\", between_calls = true }]",
            "stand between",
            "leave",
        ),
        ("path.stages = 3", "has no key `stages`", "did you mean `stage`"),
        ("path = 3", "must be a table", "[path]"),
        ("slo = { \"path.p99\" = \"2s\" }", "they take none", "[[path.stage]]"),
        ("slo = { \"path_ttft.p50\" = \"2s\" }", "they take none", "\"ttft.p99\""),
    ] {
        let said = refusal(path);
        assert!(said.contains(message) && said.contains(help), "{path}: {said}");
    }
}

#[test]
fn names_from_users_never_reach_a_terminal_as_they_are() {
    let path = "path.stage = [{ name = \"llm\" }, { name = \"\\u001b[31mred\", delay = \"1s\" }]";
    let question = RunQuestion::of(Base::from_toml(&format!("{HEAD}{path}")));
    let answer = question
        .answer(&Control::default())
        .unwrap_or_else(|problem| panic!("{}", problem.diagnostic));
    let text = answer.to_text(tailcast::report::Style::default());
    assert!(text.contains("\\u001b[31mred") && !text.contains('\u{1b}'), "{text:?}");
}
