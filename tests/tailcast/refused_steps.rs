//! Experiments with schedulers that are refused.

use crate::command::Workplace;

/// What is replaced in a good experiment, by what, and what the message has to hold.
pub type BadExperiment = (&'static str, &'static str, &'static [&'static str]);

/// Each of them is refused, with a message that names the file, and nothing is printed.
pub fn refuse_each(good_one: &str, cases: &[BadExperiment]) {
    let place = Workplace::new();
    let mut wrong = Vec::new();
    for (good, bad, parts) in cases {
        assert!(good_one.contains(good), "{good:?} is not part of the good one");
        place.write("bad.json", good_one.replacen(good, bad, 1));
        let ended = place.run(&["steps", "bad.json"]);
        let message = &ended.stderr;
        let told = message.starts_with("error: bad.json") && ended.stdout.is_empty();
        if ended.code != Some(2) || !told || !parts.iter().all(|part| message.contains(part)) {
            wrong.push(format!("{bad}: {:?}\n{message}", ended.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
