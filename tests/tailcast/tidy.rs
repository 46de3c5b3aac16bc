//! The house rules that a reader relies on: imports point downward, files and functions stay short, and the project
//! speaks of itself.

use std::path::{Path, PathBuf};

/// The floors, lowest first. A module imports only from floors below its own.
const FLOORS: [&[&str]; 12] = [
    &["units", "stats", "files"],
    &["settings"],
    &["hardware", "workload", "retrieval", "money"],
    &["step_time", "kv", "path"],
    &["policy"],
    &["engine"],
    &["fleet"],
    &["metrics", "config"],
    &["study"],
    &["report"],
    &["answer"],
    &["cli", "web"],
];

/// Modules beside each other may not import each other either, except these: (importer, imported).
const NEIGHBOURS: [(&str, &str); 1] = [("cli", "web")];

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;
/// As `rustfmt.toml` says, which holds for code alone [characters].
const LONGEST_LINE: usize = 120;

pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The top-level modules that a line of code names through `crate::`.
fn imported(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap();
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| -> String { text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect() };
        if let Some(group) = rest.strip_prefix('{') {
            modules.extend(group.split(',').map(|part| word(part.trim())));
        } else {
            modules.push(word(rest));
        }
    }
    modules
}

#[test]
fn imports_point_downward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let relative = path.strip_prefix(&src).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if module == "lib" || module == "main" {
            continue;
        }
        let own = floor(module).unwrap_or_else(|| panic!("{module} stands on no floor"));
        for (number, line) in text.lines().enumerate() {
            for other in imported(line) {
                let Some(theirs) = floor(&other) else {
                    continue;
                };
                let neighbour = NEIGHBOURS.contains(&(module, other.as_str()));
                if other != module && theirs >= own && !neighbour {
                    wrong.push(format!("{}:{}: imports {other}", relative.display(), number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that do not point downward:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_import_reader_sees_what_it_must() {
    assert_eq!(imported("use crate::cli;"), ["cli"]);
    assert_eq!(
        imported("    let x = crate::report::json::write(crate::units::Time::ZERO);"),
        ["report", "units"]
    );
    assert_eq!(imported("use crate::{cli, engine::Engine};"), ["cli", "engine"]);
    assert!(imported("// crate::cli is above").is_empty());
}

#[test]
fn files_and_functions_stay_short() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "python/src"] {
        for (path, text) in sources(folder) {
            let lines: Vec<&str> = text.lines().collect();
            if lines.len() > LONGEST_FILE {
                long.push(format!("{}: {} lines", path.display(), lines.len()));
            }
            for (name, length) in functions(&lines) {
                if length > LONGEST_FUNCTION {
                    long.push(format!("{}: fn {name}: {length} lines", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

#[test]
fn lines_end_in_sight() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "python/src"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().enumerate();
            let beyond = lines.filter(|(_, line)| line.chars().count() > LONGEST_LINE);
            long.extend(beyond.map(|(number, _)| format!("{}:{}", path.display(), number + 1)));
        }
    }
    assert!(
        long.is_empty(),
        "more than {LONGEST_LINE} columns:\n{}",
        long.join("\n")
    );
}

/// Functions and their lengths; formatted code closes a function at the indentation that opens it.
fn functions(lines: &[&str]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "pub(super) fn ",
            "pub(crate) fn ",
            "const fn ",
            "pub const fn ",
        ]
        .iter()
        .any(|prefix| code.starts_with(prefix));
        // A declaration, or a function of one line.
        if !is_function || code.ends_with([';', '}']) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(line.len() - code.len()));
        // A declaration of several lines: what follows it is not its body.
        let mut head = lines[start..].iter();
        if head
            .find(|line| line.ends_with(['{', ';']))
            .is_some_and(|line| line.ends_with(';'))
        {
            continue;
        }
        let end = lines[start..].iter().position(|line| **line == closing);
        let name = code.split("fn ").nth(1).unwrap().split(['(', '<']).next().unwrap();
        found.push((name.to_owned(), end.map_or(1, |end| end + 1)));
    }
    found
}

#[test]
fn guides_stay_readable() {
    for (file, most) in [("README.md", 150), ("docs/ARCHITECTURE.md", 200)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= most, "{file} has {lines} lines, more than {most}");
    }
}
