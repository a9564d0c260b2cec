//! Comma-, tab- and semicolon-separated tables.

use super::table::{Table, TableRow};
use crate::export::without_apostrophe;

/// Bytes that are read again at most after quotes that are not closed, and how often: in a hostile
/// file every line could open one.
const MAX_REREAD: usize = 64 << 20;
const MAX_RESTARTS: usize = 10_000;

/// Reads a table with a header line. `None` if there is no header.
///
/// A quote that is opened by damage would swallow every row up to the next quote: a row over
/// several lines that is no row of this table costs its first line only.
pub(super) fn read(bytes: &[u8]) -> Option<(Table, u8)> {
    let delimiter = delimiter(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(bytes);
    let header = reader.byte_headers().ok()?;
    if header.is_empty() {
        return None;
    }
    let mut table = Table {
        header: header
            .iter()
            .map(|name| without_apostrophe(String::from_utf8_lossy(name).trim()).to_owned())
            .collect(),
        ..Table::default()
    };
    let mut record = csv::ByteRecord::new();
    // Where the present reader started: byte, and lines before it.
    let (mut start, mut lines_before, mut reread, mut restarts) = (0, 0, 0, 0);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Some((table, delimiter)),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                table.break_row(
                    lines_before + line,
                    format!("the row is unreadable: {error}"),
                );
                return Some((table, delimiter));
            }
        }
        let line = lines_before + first_line(&bytes[start..], record.position());
        let end = start + reader.position().byte() as usize;
        let begin = record
            .position()
            .map_or(end, |at| start + at.byte() as usize);
        let row = &bytes[begin.min(end)..end.min(bytes.len())];
        let Some(next) = second_line(row) else {
            add_record(&mut table, &record, line);
            continue;
        };
        if record.len() == table.header.len() && has_closed_quotes(row, delimiter) {
            add_record(&mut table, &record, line);
            continue;
        }
        table.break_row(
            line,
            "a quote is opened here that closes in no row of this table",
        );
        (reread, restarts) = (reread + row.len(), restarts + 1);
        if reread > MAX_REREAD || restarts > MAX_RESTARTS {
            table.break_row(
                line + 1,
                "the rows from here on are skipped: too many open quotes",
            );
            return Some((table, delimiter));
        }
        (start, lines_before) = (begin + next, line);
        reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(&bytes[start..]);
    }
}

/// Where the second line of a row starts; `None` for a row of one line. Blank lines before it are
/// none of its own.
fn second_line(row: &[u8]) -> Option<usize> {
    let blank = row.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let end = blank + row[blank..].iter().position(|byte| *byte == b'\n')?;
    (!row[end..].trim_ascii().is_empty()).then_some(end + 1)
}

/// Whether every cell that starts with a quote ends with one (RFC 4180, rules 5 to 7).
fn has_closed_quotes(row: &[u8], delimiter: u8) -> bool {
    let mut rest = row.trim_ascii_end();
    loop {
        if rest.first() == Some(&b'"') {
            rest = &rest[1..];
            loop {
                let Some(quote) = rest.iter().position(|byte| *byte == b'"') else {
                    return false;
                };
                rest = &rest[quote + 1..];
                match rest.first() {
                    Some(b'"') => rest = &rest[1..],
                    None => return true,
                    Some(byte) if *byte == delimiter => break,
                    Some(_) => return false,
                }
            }
        }
        let Some(end) = rest.iter().position(|byte| *byte == delimiter) else {
            return true;
        };
        rest = &rest[end + 1..];
    }
}

/// The line on which a record starts. The reader's own position is before the blank lines that
/// it skips.
fn first_line(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let start = (position.byte() as usize).min(bytes.len());
    let blank = bytes[start..]
        .iter()
        .take_while(|byte| b"\r\n".contains(byte));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn add_record(table: &mut Table, record: &csv::ByteRecord, line: u64) {
    if record.len() != table.header.len() {
        let reason = format!(
            "the row has {} cells, the header has {}",
            record.len(),
            table.header.len()
        );
        return table.break_row(line, reason);
    }
    let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
    match cells {
        Ok(cells) => table.rows.push(TableRow {
            line,
            cells: cells.into_iter().map(as_cell).collect(),
        }),
        Err(_) => table.break_row(line, "the row is not UTF-8 text"),
    }
}

fn as_cell(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| without_apostrophe(text).to_owned())
}

/// The separator that the header line holds most of.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let count = |separator: u8| header.iter().filter(|byte| **byte == separator).count();
    let mut best = b',';
    for separator in [b'\t', b';'] {
        if count(separator) > count(best) {
            best = separator;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_tabs_and_semicolons_are_told_apart_by_the_header() {
        for text in ["N,D\n1,2\n", "N\tD\n1\t2\n", "N;D\n1;2\n"] {
            let (table, _) = read(text.as_bytes()).unwrap();
            assert_eq!(table.header, ["N", "D"], "{text:?}");
            assert_eq!(table.rows[0].cells[1].as_deref(), Some("2"));
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_line_and_no_other() {
        let damaged = b"N,D,loss\n1,\"2,3\n4,5,6\n7,8,\"9\n1,\"a\nb\",2\n3,4,5\n";
        let (table, _) = read(damaged).unwrap();
        let lines: Vec<u64> = table.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 5, 7]);
        let broken: Vec<Option<u64>> = table.broken.iter().map(|row| row.line).collect();
        assert_eq!(broken, [Some(2), Some(4)]);
        assert_eq!(table.rows[1].cells[1].as_deref(), Some("a\nb"));
    }

    #[test]
    fn a_file_of_open_quotes_is_given_up_and_not_read_for_ever() {
        let hostile = [&b"N,D,loss\n"[..], &b"\"1\n".repeat(300_000)].concat();
        let (table, _) = read(&hostile).unwrap();
        assert!(table.rows.is_empty());
        assert!(table.broken.len() <= MAX_RESTARTS + 2);
        let last = table.broken.last().unwrap();
        assert!(last.reason.contains("too many open quotes"), "{last:?}");
    }

    #[test]
    fn rows_with_other_numbers_of_cells_are_listed_with_their_line() {
        let (table, _) = read(b"N,D\n1,2\n3\n\n4,5,6\n7,\xff\n8,9").unwrap();
        let lines: Vec<u64> = table.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 7]);
        let broken: Vec<Option<u64>> = table.broken.iter().map(|row| row.line).collect();
        assert_eq!(broken, [Some(3), Some(5), Some(6)]);
    }
}
