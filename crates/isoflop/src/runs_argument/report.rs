//! What is said on standard error of how runs were read.

use super::{Group, RunRows};
use crate::output::Output;
use isoflop_runs::{Dropped, Selection};

impl RunRows {
    /// Says how columns were understood, and which rows are not used and why.
    pub fn report(&self, selection: &Selection, output: &mut Output) {
        self.report_guesses(output);
        for note in &selection.notes {
            output.note(note);
        }
        for line in unused(&selection.dropped) {
            output.note(line);
        }
    }

    /// The same where each group of the rows is selected on its own: groups may count N
    /// differently, so that what is said of one is not said of another. `without` are the rows
    /// that belong to no group.
    pub fn report_groups(&self, groups: &[Group], without: Vec<Dropped>, output: &mut Output) {
        self.report_guesses(output);
        let selections: Vec<(&str, Selection)> = groups
            .iter()
            .map(|group| (group.value.as_str(), group.rows.select()))
            .collect();
        let mut said: Vec<String> = Vec::new();
        for (group, selection) in &selections {
            for note in &selection.notes {
                let of_all = selections
                    .iter()
                    .all(|(_, other)| other.notes.contains(note));
                let note = if of_all {
                    note.clone()
                } else {
                    format!("{group}: {note}")
                };
                if !said.contains(&note) {
                    said.push(note);
                }
            }
        }
        let own = selections
            .into_iter()
            .flat_map(|(_, selection)| selection.dropped);
        let dropped = self.dropped.iter().cloned().chain(without).chain(own);
        let dropped: Vec<Dropped> = dropped.collect();
        said.extend(unused(&dropped));
        for note in said {
            output.note(note);
        }
    }

    fn report_guesses(&self, output: &mut Output) {
        for guess in &self.guesses {
            output.note(format!("{}: {guess}", self.source));
        }
    }
}

/// One sentence for each reason, with its lines: `lines 3-5 and 9 are not used: loss is missing`.
fn unused(dropped: &[Dropped]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&Dropped>)> = Vec::new();
    for one in dropped {
        match reasons.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, all)) => all.push(one),
            None => reasons.push((&one.reason, vec![one])),
        }
    }
    let sentence = |(reason, all): &(&str, Vec<&Dropped>)| {
        let verb = if all.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not used: {reason}", places(all))
    };
    reasons.iter().map(sentence).collect()
}

/// Where rows stand: their lines, or their names where they have no line.
fn places(rows: &[&Dropped]) -> String {
    let lines: Option<Vec<u64>> = rows.iter().map(|row| row.line).collect();
    match lines {
        Some(lines) => {
            let noun = if lines.len() == 1 { "line" } else { "lines" };
            format!("{noun} {}", ranges(lines))
        }
        None => {
            let names: Vec<&str> = rows.iter().map(|row| row.run.as_str()).collect();
            format!("{} ({})", names.len(), names.join(", "))
        }
    }
}

/// `2-5, 9` for 2, 3, 4, 5 and 9.
fn ranges(mut lines: Vec<u64>) -> String {
    lines.sort_unstable();
    lines.dedup();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_used_are_listed_once_for_each_reason() {
        let row = |line, reason: &str| Dropped {
            run: String::new(),
            line: Some(line),
            reason: reason.to_owned(),
        };
        let dropped = [row(2, "a"), row(4, "b"), row(3, "a"), row(9, "a")];
        assert_eq!(
            unused(&dropped),
            ["lines 2-3, 9 are not used: a", "line 4 is not used: b"]
        );
    }
}
