//! Prints the same bytes as `tailcast run SCENARIO --format json`.

use tailcast::answer::{Base, Control, Problem, RunQuestion};

/// The JSON of a run of the scenario in a file.
pub fn json(scenario: &str) -> Result<String, Problem> {
    let question = RunQuestion::of(Base::from_file(scenario));
    Ok(question.answer(&Control::default())?.to_json())
}

fn main() -> Result<(), Problem> {
    let scenario = std::env::args().nth(1).expect("give a scenario");
    print!("{}", json(&scenario)?);
    Ok(())
}
