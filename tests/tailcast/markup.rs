//! Tables for documents, of every verb that shows some.

use crate::command::Workplace;

const SMALL: [&str; 4] = ["--set", "workload.requests=300", "--quiet", "--slo-exit-zero"];

/// What a verb prints in Markdown and in LaTeX, both whole.
fn documents(place: &Workplace, arguments: &[&str]) -> (String, String) {
    let print = |format: &str| {
        let ended = place.run(&[arguments, &["--format", format]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let (markdown, latex) = (print("markdown"), print("latex"));
    let tables = tables(&markdown);
    assert_eq!(latex.matches("\\begin{tabular}").count(), tables.len(), "{latex}");
    assert_eq!(latex.matches("\\end{table}").count(), tables.len(), "{latex}");
    let rows: usize = tables.iter().map(Vec::len).sum();
    let ends = latex.lines().filter(|line| line.ends_with(" \\\\"));
    assert_eq!(ends.count(), rows - tables.len(), "rules are no rows there: {latex}");
    (markdown, latex)
}

/// The lines of each table, its heading and the rule below it included; all have as many cells.
fn tables(markdown: &str) -> Vec<Vec<&str>> {
    let blocks = markdown
        .split("\n\n")
        .map(|block| block.trim_matches('\n').lines().collect::<Vec<_>>());
    let tables: Vec<Vec<&str>> = blocks.filter(|block| block[0].starts_with("| ")).collect();
    assert!(!tables.is_empty(), "{markdown}");
    for table in &tables {
        let cells = |line: &&str| line.replace("\\|", "").matches('|').count();
        assert!(table[1].starts_with("|--"), "{markdown}");
        assert!(
            table.len() > 2 && table.iter().all(|line| cells(line) == cells(&table[0])),
            "{markdown}"
        );
    }
    tables
}

#[test]
fn a_curve_is_a_table_for_a_document() {
    let place = Workplace::new();
    let curve = [
        &["curve", "--concurrency", "1,4", "--seeds", "1", "--refine", "0"],
        &SMALL[..],
    ]
    .concat();
    let (markdown, _) = documents(&place, &curve);
    let found = tables(&markdown);
    assert_eq!(found[0].len(), 4, "{markdown}");
    assert!(
        found[0][2].starts_with("| 1 | ") && found[0][3].starts_with("| 4 | "),
        "{markdown}"
    );
}

#[test]
fn a_capacity_says_what_was_found_in_its_first_table() {
    let place = Workplace::new();
    let capacity = [
        &["capacity", "--seeds", "1", "--no-changes", "--no-range", "--explain"],
        &SMALL[..],
    ]
    .concat();
    let (markdown, _) = documents(&place, &capacity);
    assert!(markdown.contains("| Capacity | "), "{markdown}");
    assert_eq!(
        tables(&markdown).len(),
        2,
        "what was found, and the formula: {markdown}"
    );
}

#[test]
fn a_plan_has_its_tables_under_the_headings_of_its_sections() {
    let place = Workplace::new();
    let plan = [&["plan", "--seeds", "1"], &SMALL[..]].concat();
    let (markdown, latex) = documents(&place, &plan);
    assert!(markdown.starts_with("Verdict\n\n| outcome | finding |\n"), "{markdown}");
    assert!(
        tables(&markdown).len() > 3 && latex.contains("\\caption{Verdict}"),
        "{markdown}"
    );
}

#[test]
fn results_of_a_sweep_are_a_table_of_all_points() {
    let place = Workplace::new();
    place.write(
        "study.toml",
        "seeds = 2\nset = { \"workload.requests\" = 200 }\nmetrics = [\"ttft.mean\"]\n\
         [[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 4, 8]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "r.csv", "--quiet"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (markdown, _) = documents(&place, &["report", "r.csv"]);
    let found = tables(&markdown);
    assert_eq!((found.len(), found[0].len()), (1, 5), "{markdown}");
    let both = place.run(&["report", "r.csv", "--format", "latex", "--html", "-"]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}
