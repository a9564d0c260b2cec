//! The learning curve that a trainer writes while it runs, one JSON object a line.

use crate::outcome::{unusable_loss, with_quoted_non_numbers};
use isoflop_laws::{Loss, Tokens};
use isoflop_runs::Checkpoint;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// One line of a curve.
#[derive(Debug, Clone, PartialEq)]
pub enum CurvePoint {
    /// What was measured.
    Measured(Checkpoint),
    /// A loss that is no number.
    NotFinite {
        /// The step.
        step: u64,
        /// `NaN` or `infinite`.
        what: &'static str,
    },
}

/// Bytes read at a time, and the longest line.
const PIECE: usize = 1 << 20;

/// Follows a curve that grows.
#[derive(Debug)]
pub struct CurveReader {
    path: PathBuf,
    offset: u64,
    started: Vec<u8>,
    /// Lines that could not be read.
    pub unreadable: usize,
}

impl CurveReader {
    /// From the beginning of the file at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        CurveReader {
            path: path.to_owned(),
            offset: 0,
            started: Vec::new(),
            unreadable: 0,
        }
    }

    /// The whole lines that came since the last call. A file that can't be read has none.
    pub fn more(&mut self) -> Vec<CurvePoint> {
        let mut points = Vec::new();
        while let Some(piece) = self.piece() {
            self.started.extend(piece);
            while let Some(end) = self.started.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.started.drain(..=end).collect();
                match understand(&String::from_utf8_lossy(&line)) {
                    Some(point) => points.push(point),
                    None if line.iter().all(u8::is_ascii_whitespace) => {}
                    None => self.unreadable += 1,
                }
            }
            if self.started.len() > PIECE {
                self.started.clear();
                self.unreadable += 1;
            }
        }
        points
    }

    fn piece(&mut self) -> Option<Vec<u8>> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)
            .ok()?;
        file.seek(SeekFrom::Start(self.offset)).ok()?;
        let mut piece = Vec::new();
        file.take(PIECE as u64).read_to_end(&mut piece).ok()?;
        self.offset += piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    }
}

fn understand(line: &str) -> Option<CurvePoint> {
    let value: Value = serde_json::from_str(&with_quoted_non_numbers(line)).ok()?;
    let step = value.get("step")?.as_u64()?;
    for name in ["loss", "train_loss"] {
        if let Some(what) = unusable_loss(value.get(name)) {
            return Some(CurvePoint::NotFinite { step, what });
        }
    }
    let loss = |name: &str| {
        value
            .get(name)?
            .as_f64()
            .and_then(|loss| Loss::new(loss).ok())
    };
    let point = Checkpoint {
        step,
        tokens: Tokens::new(value.get("tokens")?.as_f64()?).ok()?,
        loss: loss("loss"),
        train_loss: loss("train_loss"),
        lr: value.get("lr").and_then(Value::as_f64),
    };
    Some(CurvePoint::Measured(point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn half_a_line_waits_for_its_end_and_a_broken_one_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curve.jsonl");
        let mut reader = CurveReader::new(&path);
        assert!(reader.more().is_empty());
        let mut file = std::fs::File::create(&path).unwrap();
        write!(
            file,
            "{{\"step\":1,\"tokens\":10,\"loss\":3.5}}\n{{\"step\":2,"
        )
        .unwrap();
        assert_eq!(reader.more().len(), 1);
        write!(file, "\"tokens\":20,\"train_loss\":NaN}}\nrubbish\n\n").unwrap();
        assert_eq!(
            reader.more(),
            [CurvePoint::NotFinite {
                step: 2,
                what: "NaN"
            }]
        );
        assert_eq!(reader.unreadable, 1);
    }
}
