//! Nothing that users, files and traces say reaches a terminal as a command, turns the direction of what stands beside
//! it, or becomes a formula of a spreadsheet.

use std::fs;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::command::{Ended, Workplace};

/// What is hidden in words: starts of sequences, controls of one letter, directions, separators.
const HOSTILE: [&str; 16] = [
    "\u{1b}[2J",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}5m",
    "\u{8}",
    "\r",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{2066}",
    "\u{200f}",
    "\u{61c}",
    "\u{2028}",
    "\n",
];

fn is_hostile(character: char) -> bool {
    let is_direction = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
    let is_isolate = matches!(character, '\u{2066}'..='\u{2069}');
    let is_separator = matches!(character, '\u{2028}' | '\u{2029}');
    is_direction || is_isolate || is_separator || character.is_control() && character != '\n'
}

#[track_caller]
fn assert_harmless(ended: &Ended, arguments: &[&str]) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(is_hostile), "{arguments:?}: {text:?}");
    }
}

fn hostile_words(random: &mut Xoshiro256PlusPlus) -> String {
    let mut words = String::new();
    for _ in 0..random.random_range(1..5) {
        words += ["a", "name", " ", "=", "'", "\"", "é"].choose(random).unwrap();
        words += HOSTILE.choose(random).unwrap();
    }
    words
}

/// As TOML writes any text.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        _ if is_hostile(character) || character == '\n' => format!("\\u{:04X}", u32::from(character)),
        _ => character.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn scenario(name: &str) -> String {
    format!(
        "name = {}\n[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[batching]\n\
         policy = \"continuous\"\n[workload]\nrequests = 20\narrivals = {{ process = \"poisson\", rate = 5.0 }}\n\
         prompt = {{ dist = \"fixed\", value = 30 }}\noutput = {{ dist = \"fixed\", value = 5 }}\n\
         [slo]\n\"ttft.p50\" = \"2s\"\n",
        quoted(name)
    )
}

#[test]
fn whatever_a_name_holds_nothing_of_it_commands_the_terminal() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let place = Workplace::new();
    for _ in 0..25 {
        let name = hostile_words(&mut random);
        let file = hostile_words(&mut random).replace('/', "_") + ".toml";
        place.write(&file, scenario(&name));
        place.write(
            "t.csv",
            format!("arrival_s,input_tokens,output_tokens\n0,\"{name}\",5\n"),
        );
        let assignment = format!("name={}", quoted(&name));
        let (bad_key, figure) = (format!("{name}=1"), format!("{name}=x.svg"));
        let trace = "workload={ trace = { path = \"t.csv\" } }";
        let vary = format!("name={},\"plain\"", quoted(&name));
        let long = format!("--{name}");
        let commands: [&[&str]; 16] = [
            &["run", &file],
            &["run", &file, "--format", "json"],
            &["run", &file, "--explain", "--set", &assignment],
            &["run", &file, "--set", &bad_key],
            &["run", &file, "--figure", &figure],
            &["run", &file, "--set", trace],
            &["run", &file, &long],
            &["run", &file, "--seeds", &name],
            &["run", &file, "--slo", &name],
            &["run", &name],
            &["compare", &file, "--vary", &vary, "--seeds", "2"],
            &["models", &name],
            &["gpus", &name],
            &["run", "--model", &name],
            &[&name],
            &["trace", "info", &name],
        ];
        for arguments in commands {
            assert_harmless(&place.run(arguments), arguments);
        }
    }
}

#[test]
fn colours_are_kept_and_nothing_else() {
    let place = Workplace::new();
    place.write("s.toml", scenario("\u{1b}[31mred\u{1b}[0m \u{1b}[2J"));
    let ended = place.run(&["run", "s.toml", "--color", "always"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("\\u001b[31mred\\u001b[0m \\u001b[2J"),
        "{}",
        ended.stdout
    );
    let plain = ended.stdout.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
    assert!(plain.len() < ended.stdout.len());
    assert!(!plain.contains(is_hostile), "{plain:?}");
}

#[test]
fn json_holds_the_name_itself() {
    let place = Workplace::new();
    let name = "a\u{202e}b\u{9b}c\u{7f}\u{1b}";
    place.write("s.toml", scenario(name));
    let ended = place.run(&[
        "compare",
        "s.toml",
        "--vary",
        &format!("name={},\"b\"", quoted(name)),
        "--format",
        "json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_harmless(&ended, &[]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let all = json.to_string();
    assert!(all.contains('\u{202e}') || all.contains("\\\\u202E"), "{all}");
}

#[test]
fn pages_and_figures_show_what_a_name_hides() {
    let place = Workplace::new();
    place.write("s.toml", scenario("safe\u{202e}\u{1b}[2J\u{2066}"));
    let ended = place.run(&["run", "s.toml", "--html", "p.html", "--figure", "f.svg"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for file in ["p.html", "f.svg"] {
        let text = fs::read_to_string(place.path(file)).unwrap();
        assert!(!text.contains(|c: char| is_hostile(c) && c != '\t'), "{file}");
    }
    assert!(
        fs::read_to_string(place.path("p.html"))
            .unwrap()
            .contains("safe\\u202e\\u001b[2J\\u2066")
    );
}

#[test]
fn what_is_wrong_with_the_command_line_is_repeated_harmlessly() {
    let place = Workplace::new();
    let ended = place.run(&["run", "--fo\u{1b}[2J\u{202e}o"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("'--fo\\u001b[2J\\u202eo'"), "{}", ended.stderr);
    let ended = place.run(&["run", "--jobs", "\u{1b}[2J"]);
    assert!(ended.stderr.contains("'\\u001b[2J'"), "{}", ended.stderr);
}

#[test]
fn results_hold_no_formulas_and_are_read_as_they_were_meant() {
    let place = Workplace::new();
    place.write("s.toml", scenario("s"));
    let values = ["=1+2", "@SUM(A1)", "-cmd", "+cmd", "'=x", "plain"];
    let list: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    place.write(
        "study.toml",
        format!(
            "scenario = \"s.toml\"\nmetrics = [\"e2e.mean\"]\n[[axis]]\nkey = \"name\"\nvalues = [{}]\n\
             [[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 4]\n",
            list.join(", ")
        ),
    );
    for shard in ["1", "2"] {
        let (part, out) = (format!("{shard}/2"), format!("{shard}.csv"));
        let ended = place.run(&["sweep", "study.toml", "--shard", &part, "--out", &out, "-q"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let ended = place.run(&["merge", "2.csv", "1.csv", "--out", "all.csv"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut reader = csv::Reader::from_path(place.path("all.csv")).unwrap();
    let cells: Vec<String> = reader
        .records()
        .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for cell in &cells {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
    assert!(cells.iter().any(|cell| cell == "'=1+2"), "{cells:?}");
    let report = place.run(&["report", "all.csv"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    for value in values {
        assert!(
            report.stdout.contains(&format!("{value}  ")),
            "{value}: {}",
            report.stdout
        );
    }
    assert!(!report.stdout.contains("'=1+2"), "{}", report.stdout);
}
