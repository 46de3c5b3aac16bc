//! The crate as a library: it prints what the command prints, several questions at once, and stops when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tailcast::answer::{
    Audience, Base, Blame, CapacityQuestion, CompareQuestion, Control, CurveAnswer, RunAnswer, RunQuestion,
};

use crate::command::Workplace;

#[path = "../../examples/run_json.rs"]
#[expect(dead_code, reason = "its main is that of a program")]
mod run_json;

const SCENARIO: &str = r#"
name = "one of two"
[model]
name = "llama-3.1-8b"
[server]
gpu = "l40s"
[workload]
requests = 300
arrivals = { process = "poisson", rate = 4.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[slo]
"ttft.p50" = "2s"
"#;

fn scenario(rate: u32) -> Base {
    Base::from_toml(&SCENARIO.replace("rate = 4.0", &format!("rate = {rate}.0")))
}

fn json(base: Base) -> String {
    RunQuestion::of(base).answer(&Control::default()).unwrap().to_json()
}

#[test]
fn a_program_of_few_lines_prints_what_the_command_prints() {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    let ended = place.run(&["run", "scenario.toml", "--format", "json"]);
    let file = place.path("scenario.toml");
    assert_eq!(run_json::json(file.to_str().unwrap()).unwrap(), ended.stdout);
    let program = include_str!("../../examples/run_json.rs");
    assert!(program.lines().count() <= 15, "it grew");
}

#[test]
fn a_scenario_in_memory_gives_what_it_gives_in_a_file() {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    assert_eq!(
        json(Base::from_toml(SCENARIO)),
        json(Base::from_file(place.path("scenario.toml")))
    );
}

#[test]
fn two_scenarios_run_from_two_threads_at_once() {
    let alone = [2, 9].map(|rate| json(scenario(rate)));
    let together = thread::scope(|scope| {
        let runs = [2, 9].map(|rate| scope.spawn(move || json(scenario(rate))));
        runs.map(|run| run.join().unwrap())
    });
    assert_ne!(alone[0], alone[1]);
    assert_eq!(alone, together);
}

#[test]
fn questions_and_answers_go_from_thread_to_thread() {
    fn is_send<T: Send>() {}
    is_send::<(RunQuestion, CompareQuestion, CapacityQuestion, Control)>();
    is_send::<(RunAnswer, CurveAnswer)>();
}

/// Stops a run once some of its requests are sent.
#[derive(Default)]
struct Impatient {
    stop: Arc<AtomicBool>,
    sent: AtomicU64,
}

impl Audience for Impatient {
    fn count(&self, more: u64) {
        if self.sent.fetch_add(more, Ordering::Relaxed) + more >= 128 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_stop_ends_one_run_early_and_no_other() {
    let audience = Arc::new(Impatient::default());
    let control = Control {
        stop: Arc::clone(&audience.stop),
        audience,
        ..Control::default()
    };
    let stopped = RunQuestion::of(scenario(4)).answer(&control).unwrap();
    assert!(stopped.is_interrupted);
    let arrived = stopped.report.summary.requests.arrived;
    assert!((128..300).contains(&arrived), "{arrived}");
    // A search without an end says nothing.
    let capacity = CapacityQuestion {
        base: scenario(4),
        ..CapacityQuestion::default()
    };
    let problem = capacity.answer(&control).err().unwrap();
    assert_eq!(problem.blame, Blame::Stop);
    let other = RunQuestion::of(scenario(4)).answer(&Control::default()).unwrap();
    assert!(!other.is_interrupted);
}

#[test]
fn a_problem_says_what_where_and_what_to_write_instead() {
    let base = Base::from_toml(&SCENARIO.replace("requests =", "request ="));
    let problem = RunQuestion::of(base).answer(&Control::default()).err().unwrap();
    assert_eq!(problem.blame, Blame::Input);
    let place = problem.diagnostic.snippet.as_ref().unwrap();
    assert_eq!(place.line, 8);
    assert!(problem.diagnostic.message.contains("request"), "{problem}");
    assert!(!problem.diagnostic.help.is_empty(), "{problem}");
}
