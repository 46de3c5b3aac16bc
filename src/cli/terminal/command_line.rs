//! The command of this process, as a shell would take it again.

use std::env;

/// All words of it, quoted where a shell would take them apart.
pub fn of_this_process() -> String {
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
