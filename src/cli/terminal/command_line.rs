//! The command of this process, as a shell would take it again.

use std::env;

/// All words of it, quoted where a shell would take them apart, but for how many threads it may have: they change no
/// result, and so no byte of a page.
pub fn of_this_process() -> String {
    let arguments = env::args_os().skip(1);
    command(arguments.map(|argument| argument.to_string_lossy().into_owned()))
}

fn command(mut arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["tailcast".to_owned()];
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix(JOBS) {
            Some("") => drop(arguments.next()),
            Some(rest) if rest.starts_with('=') => {}
            _ => words.push(quoted(&argument)),
        }
    }
    words.join(" ")
}

const JOBS: &str = "--jobs";

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
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

    #[test]
    fn threads_are_left_out() {
        for line in [
            "compare a.toml --jobs 3 --html a.html",
            "compare --jobs=3 a.toml --html a.html",
        ] {
            let words = line.split(' ').map(str::to_owned);
            assert_eq!(command(words), "tailcast compare a.toml --html a.html");
        }
    }
}
