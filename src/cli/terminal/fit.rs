//! Text made for people, put into lines that are no longer than the terminal is wide.
//!
//! Tables come as aligned lines. One that is too wide is shown in several parts below each other, each with the table's
//! first column; other lines go on further in, at spaces.

/// What stands between the columns of a table, at least.
const GAP: usize = 2;
/// How much further in a line goes on that has no label.
const INDENT: usize = 2;
/// No label is wider than this.
const WIDEST_LABEL: usize = 20;
/// Narrower terminals are not reckoned with.
const NARROWEST: usize = 20;

/// `text` in lines of at most `width` characters, wherever there is a place to break them.
pub fn fit(text: &str, width: usize) -> String {
    let width = width.max(NARROWEST);
    let lines: Vec<&str> = text.lines().collect();
    let mut fitted = String::with_capacity(text.len());
    for paragraph in lines.split_inclusive(|line| line.trim().is_empty()) {
        let (body, blank) = match paragraph.split_last() {
            Some((last, body)) if last.trim().is_empty() => (body, true),
            _ => (paragraph, false),
        };
        fit_paragraph(body, width, &mut fitted);
        if blank {
            fitted.push('\n');
        }
    }
    fitted
}

fn fit_paragraph(lines: &[&str], width: usize, fitted: &mut String) {
    if lines.iter().all(|line| visible_width(line) <= width) {
        return lines.iter().for_each(|line| push_line(line, fitted));
    }
    // What stands before a table, without a blank line between, is no part of it.
    let found = (0..lines.len()).find_map(|start| Some((start, columns(&lines[start..], width)?)));
    let (before, table) = lines.split_at(found.as_ref().map_or(lines.len(), |(start, _)| *start));
    for line in before {
        wrap(line, width, fitted);
    }
    if let Some((_, columns)) = found {
        fold(table, &columns, width, fitted);
    }
}

/// Where a column stands, in characters.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
}

impl Place {
    const fn width(self) -> usize {
        self.end - self.start
    }

    fn of(self, line: &str) -> String {
        line.chars().skip(self.start).take(self.width()).collect()
    }
}

/// The columns of a table, if the lines are one of which each column has room beside the first.
fn columns(lines: &[&str], width: usize) -> Option<Vec<Place>> {
    if lines.len() < 2 || lines.iter().any(|line| line.contains('\u{1b}')) {
        return None;
    }
    let widest = lines.iter().map(|line| visible_width(line)).max()?;
    let mut is_empty = vec![true; widest + GAP];
    for line in lines {
        for (at, letter) in line.chars().enumerate() {
            is_empty[at] &= letter == ' ';
        }
    }
    let mut found: Vec<Place> = Vec::new();
    for at in (0..widest).filter(|&at| !is_empty[at]) {
        match found.last_mut() {
            Some(last) if at - last.end < GAP => last.end = at + 1,
            _ => found.push(Place { start: at, end: at + 1 }),
        }
    }
    let first = found.first()?.end;
    let have_room = found[1..].iter().all(|column| first + GAP + column.width() <= width);
    (found.len() > 2 && have_room).then_some(found)
}

/// A table in parts that are not too wide.
fn fold(lines: &[&str], columns: &[Place], width: usize, fitted: &mut String) {
    let (first, mut others) = (columns[0], &columns[1..]);
    while !others.is_empty() {
        let mut taken = first.end;
        let fits = |column: &&Place| {
            taken += GAP + column.width();
            taken <= width
        };
        let count = others.iter().take_while(fits).count().max(1);
        let (part, left) = others.split_at(count);
        for line in lines {
            let mut shown: String = line.chars().take(first.end).collect();
            shown += &" ".repeat(first.end - shown.chars().count());
            for column in part {
                let cell = column.of(line);
                shown += &" ".repeat(GAP);
                shown += &cell;
                shown += &" ".repeat(column.width() - cell.chars().count());
            }
            push_line(shown.trim_end(), fitted);
        }
        others = left;
        if !others.is_empty() {
            fitted.push('\n');
        }
    }
}

/// A line that goes on further in, behind its label if it has one.
fn wrap(line: &str, width: usize, fitted: &mut String) {
    let text = line.trim_start();
    let indent = line.chars().count() - text.chars().count();
    let label = text.find("  ").filter(|&end| end <= WIDEST_LABEL);
    let hang = match label {
        Some(end) => line.chars().count() - text[end..].trim_start().chars().count(),
        None => indent + INDENT,
    };
    let hang = hang.min(width / 2);
    let mut shown = String::new();
    let mut taken = 0;
    for word in line.split_inclusive(' ') {
        let word_width = visible_width(word.trim_end());
        if taken + word_width > width && taken > hang {
            push_line(shown.trim_end(), fitted);
            shown = " ".repeat(hang);
            taken = hang;
        }
        shown += word;
        taken += visible_width(word);
    }
    push_line(shown.trim_end(), fitted);
}

fn push_line(line: &str, fitted: &mut String) {
    fitted.push_str(line);
    fitted.push('\n');
}

/// Characters, without those that switch colours.
fn visible_width(text: &str) -> usize {
    let (mut width, mut is_hidden) = (0, false);
    for letter in text.chars() {
        match letter {
            '\u{1b}' => is_hidden = true,
            'm' if is_hidden => is_hidden = false,
            _ => width += usize::from(!is_hidden),
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "variation      e2e.p99  tokens_per_s  depth\n\
                         continuous  18.4 s [1]         184/s  0.012\n\
                         none            7000 s        42.4/s    772\n";

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(fit(TABLE, 60), TABLE);
    }

    #[test]
    fn wide_tables_are_shown_in_parts_each_with_the_first_column() {
        let expected = "variation      e2e.p99\n\
                        continuous  18.4 s [1]\n\
                        none            7000 s\n\
                        \n\
                        variation   tokens_per_s\n\
                        continuous         184/s\n\
                        none              42.4/s\n\
                        \n\
                        variation   depth\n\
                        continuous  0.012\n\
                        none          772\n";
        assert_eq!(fit(TABLE, 26), expected);
        // Whatever stands before it without a blank line is none of its rows.
        let with_line = format!("SLOs: ttft p99 <= 2 s and tpot p99 <= 50 ms\n{TABLE}");
        let lines = "SLOs: ttft p99 <= 2 s and\n  tpot p99 <= 50 ms\n";
        assert_eq!(fit(&with_line, 26), format!("{lines}{expected}"));
    }

    #[test]
    fn lines_go_on_behind_their_labels() {
        let line = "Why       nothing binds: requests hardly waited for more than the step\n";
        let expected = "Why       nothing binds: requests\n          hardly waited for more\n          than the step\n";
        assert_eq!(fit(line, 34), expected);
        let coloured = "Verdict   \u{1b}[32mok\u{1b}[0m: all SLOs met\n";
        assert_eq!(fit(coloured, 30), coloured);
        // A word that is longer than a line stands alone.
        let word = "a/very/long/path/that/has/no/space/in/it\n";
        assert_eq!(fit(word, 20), word);
    }

    #[test]
    fn no_word_is_lost_and_no_line_that_can_be_broken_is_too_long() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..500 {
            let mut text = String::new();
            for _ in 0..random.random_range(1..8) {
                for _ in 0..random.random_range(0..12) {
                    text += &"ü".repeat(random.random_range(1..8));
                    text += &" ".repeat(random.random_range(1..4));
                }
                text.push('\n');
            }
            let width = random.random_range(20..60);
            let fitted = fit(&text, width);
            assert!(
                fitted.lines().all(|line| visible_width(line) <= width),
                "{width}\n{text}\n{fitted}"
            );
            let letters = |text: &str| text.chars().filter(|letter| *letter == 'ü').count();
            assert!(letters(&fitted) >= letters(&text));
        }
    }
}
