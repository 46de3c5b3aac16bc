//! Tables for documents: Markdown as GitHub reads it, and LaTeX with the rules of the `booktabs` package.

use std::fmt::Write;

use super::table::Table;
use crate::config::on_one_line;

/// A language that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Pipes between cells.
    Markdown,
    /// A `tabular`, for `\usepackage{booktabs}`.
    Latex,
}

/// Tables below each other, each with its caption.
pub fn typeset(tables: &[Table], markup: Markup) -> String {
    let written = tables.iter().map(|table| match markup {
        Markup::Markdown => markdown(table),
        Markup::Latex => latex(table),
    });
    written.collect::<Vec<_>>().join("\n")
}

fn markdown(table: &Table) -> String {
    let escaped = |text: &str| {
        let mut shown = String::new();
        for letter in on_one_line(text).chars() {
            if matches!(letter, '|' | '\\' | '*' | '_' | '`' | '<' | '[' | ']') {
                shown.push('\\');
            }
            shown.push(letter);
        }
        shown
    };
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    if !table.caption.is_empty() {
        let _ = write!(text, "{}\n\n", escaped(&table.caption));
    }
    text += &row(table.columns.iter().map(|column| escaped(&column.title)).collect());
    let rules = table
        .columns
        .iter()
        .map(|column| if column.is_number { "--:" } else { "---" });
    let _ = writeln!(text, "|{}|", rules.collect::<Vec<_>>().join("|"));
    for cells in &table.rows {
        text += &row(cells.iter().map(|cell| escaped(&cell.text)).collect());
    }
    text
}

fn latex(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("    {} \\\\\n", cells.join(" & "));
    let sides: String = table
        .columns
        .iter()
        .map(|column| if column.is_number { 'r' } else { 'l' })
        .collect();
    let mut text = String::from("\\begin{table}\n  \\centering\n");
    if !table.caption.is_empty() {
        let _ = writeln!(text, "  \\caption{{{}}}", in_latex(&table.caption));
    }
    let _ = writeln!(text, "  \\begin{{tabular}}{{{sides}}}\n    \\toprule");
    text += &row(table.columns.iter().map(|column| in_latex(&column.title)).collect());
    text += "    \\midrule\n";
    for cells in &table.rows {
        text += &row(cells.iter().map(|cell| in_latex(&cell.text)).collect());
    }
    text += "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n";
    text
}

/// What has a meaning there is written out.
fn in_latex(text: &str) -> String {
    let mut shown = String::new();
    for letter in on_one_line(text).chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => shown.extend(['\\', letter]),
            '~' => shown += "\\textasciitilde{}",
            '^' => shown += "\\textasciicircum{}",
            '\\' => shown += "\\textbackslash{}",
            '<' => shown += "\\textless{}",
            '>' => shown += "\\textgreater{}",
            '×' => shown += "$\\times$",
            '±' => shown += "$\\pm$",
            '≤' => shown += "$\\leq$",
            '≥' => shown += "$\\geq$",
            'µ' => shown += "$\\mu$",
            _ => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::table::{Cell, Column};

    fn table() -> Table {
        Table {
            caption: "50 % more".to_owned(),
            columns: vec![Column::words("batching.policy"), Column::numbers("tokens_per_s")],
            rows: vec![vec![
                Cell::words("a|b \\ ~"),
                Cell::number(Some(1.5), |it| format!("{it} × [1, 2]")),
            ]],
        }
    }

    #[test]
    fn markdown_says_what_the_table_says() {
        let expected = "50 % more\n\n| batching.policy | tokens\\_per\\_s |\n|---|--:|\n\
                        | a\\|b \\\\ ~ | 1.5 × \\[1, 2\\] |\n";
        assert_eq!(typeset(&[table()], Markup::Markdown), expected);
    }

    #[test]
    fn latex_says_what_the_table_says() {
        let expected = "\\begin{table}\n  \\centering\n  \\caption{50 \\% more}\n  \
                        \\begin{tabular}{lr}\n    \\toprule\n    \
                        batching.policy & tokens\\_per\\_s \\\\\n    \\midrule\n    \
                        a|b \\textbackslash{} \\textasciitilde{} & 1.5 $\\times$ [1, 2] \\\\\n    \\bottomrule\n  \
                        \\end{tabular}\n\\end{table}\n";
        assert_eq!(typeset(&[table()], Markup::Latex), expected);
        let two = typeset(&[table(), table()], Markup::Latex);
        assert_eq!(two.matches("\\begin{table}").count(), 2);
    }
}
