//! The page of questions: each command runs, and answers what the page shows.

use std::process::Command;

/// A block of the page: a command line, and lines of what it prints.
struct Answer<'a> {
    command: &'a str,
    shown: Vec<&'a str>,
}

fn answers(page: &str) -> Vec<Answer<'_>> {
    let blocks = page.split("\n```\n").skip(1).step_by(2);
    let answers = blocks.map(|block| {
        let (command, shown) = block
            .split_once("\n\n")
            .expect("an empty line stands before the answer");
        Answer {
            command,
            // What is left out stands as three dots.
            shown: shown.lines().filter(|line| *line != "...").collect(),
        }
    });
    answers.collect()
}

/// The words of a command line, some of them in single quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn every_question_has_a_command_that_answers_what_the_page_shows() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{root}/docs/QUESTIONS.md")).unwrap();
    let answers = answers(&page);
    assert_eq!(answers.len(), page.matches("\n## ").count(), "one answer a question");
    assert!(answers.len() >= 20);
    let mut wrong = Vec::new();
    for Answer { command, shown } in answers {
        let words = words(command);
        assert_eq!(words[0], "tailcast", "{command}");
        let ended = Command::new(env!("CARGO_BIN_EXE_tailcast"))
            .args(&words[1..])
            .current_dir(format!("{root}/configs/scenarios"))
            .env_remove("COLUMNS")
            .output()
            .unwrap();
        let code = ended.status.code();
        assert!(matches!(code, Some(0 | 3 | 99)), "{command}: {code:?}");
        let printed = if code == Some(3) { ended.stderr } else { ended.stdout };
        let printed = String::from_utf8(printed).unwrap();
        assert!(!shown.is_empty(), "{command}");
        for line in shown {
            if !printed.lines().any(|printed| printed.trim_end() == line) {
                wrong.push(format!("{command}\n  no longer prints: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
