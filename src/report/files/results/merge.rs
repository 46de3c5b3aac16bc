//! Puts the files of shards together, as the file that one sweep would have written.

use super::form::Form;
use super::runs::Results;
use crate::config::Diagnostic;

/// The runs of one plan, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The text of the whole file.
    pub text: String,
    /// How many runs it has.
    pub runs: u64,
}

/// Puts texts of whole lines together, each with the name that messages call it. Refuses what would not be one whole
/// plan: other plans or other columns, runs that are there twice, runs that are missing.
pub fn merge(form: Form, files: &[(String, String)]) -> Result<Merged, Diagnostic> {
    let mut heading: Option<(&str, String)> = None;
    let mut plan: Option<(&str, String, u64)> = None;
    let mut lines: Vec<(u64, &str, &str)> = Vec::new();
    for (name, text) in files {
        // A shard without runs has no heading in JSON Lines.
        if form == Form::JsonLines && text.is_empty() {
            continue;
        }
        let results = Results::of_text(form, text).map_err(|problem| problem.about(name))?;
        let columns = results.heading.line(Form::Csv);
        match &heading {
            Some((first, other)) if *other != columns => {
                let message = format!("{name} has other columns than {first}");
                return Err(Diagnostic::new(message).help("merge the shards of one sweep"));
            }
            _ => heading = Some((name, columns)),
        }
        let skipped = usize::from(form != Form::JsonLines);
        if let Some(row) = results.rows.first() {
            match &plan {
                Some((first, other, runs)) if (other, *runs) != (&row.plan, row.runs) => {
                    return Err(Diagnostic::new(format!(
                        "{name} belongs to plan {} with {} runs, and {first} to plan {other} with {runs}",
                        row.plan, row.runs
                    ))
                    .help("merge the shards of one sweep; a changed scenario, study or trace makes another plan"));
                }
                Some(_) => {}
                None => plan = Some((name, row.plan.clone(), row.runs)),
            }
        }
        let own = text.lines().skip(skipped);
        let numbered = results.rows.iter().zip(own);
        lines.extend(numbered.map(|(row, line)| (row.run, line, name.as_str())));
    }
    let Some((_, _, runs)) = plan else {
        return Err(Diagnostic::new("there is no run in any file"));
    };
    lines.sort_by_key(|(run, ..)| *run);
    refuse_twice(&lines)?;
    refuse_gaps(&lines, runs)?;
    let mut text = match form {
        Form::JsonLines => String::new(),
        _ => heading.map_or_else(String::new, |(_, columns)| columns),
    };
    for (_, line, _) in lines {
        text.push_str(line);
        text.push('\n');
    }
    Ok(Merged { text, runs })
}

fn refuse_twice(lines: &[(u64, &str, &str)]) -> Result<(), Diagnostic> {
    let twice = lines.windows(2).find(|pair| pair[0].0 == pair[1].0);
    twice.map_or(Ok(()), |pair| {
        let message = format!("run {} is in {} and in {}", pair[0].0, pair[0].2, pair[1].2);
        Err(Diagnostic::new(message).help("give each shard once"))
    })
}

fn refuse_gaps(lines: &[(u64, &str, &str)], runs: u64) -> Result<(), Diagnostic> {
    let there = |run: &u64| lines.binary_search_by_key(run, |(run, ..)| *run).is_ok();
    let missing: Vec<String> = (0..runs)
        .filter(|run| !there(run))
        .take(6)
        .map(|run| run.to_string())
        .collect();
    if let Some((beyond, _, name)) = lines.last().filter(|(run, ..)| *run >= runs) {
        return Err(Diagnostic::new(format!("{name} has run {beyond} of a plan of {runs}")));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let count = runs - lines.len() as u64;
    let more = if count > missing.len() as u64 { ", ..." } else { "" };
    let message = format!("{count} of {runs} runs are missing: {}{more}", missing.join(", "));
    Err(Diagnostic::new(message)
        .help("give the files of all shards; one that was interrupted goes on when it is started again"))
}
