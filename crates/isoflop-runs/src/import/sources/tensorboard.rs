//! TensorBoard event files, as PyTorch, Lightning and TensorFlow write them.

use super::sidecar;
use super::tfrecord::{Item, Records};
use super::{Importer, Logged, name_below, read_file};
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::{ImportError, ImportOptions};
use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Reads `events.out.tfevents.*` files; those of one folder are one run.
pub(super) struct TensorBoard;

/// Notes on one file at most: a file of noise would have thousands.
const MAX_NOTES: usize = 20;

impl Importer for TensorBoard {
    fn format(&self) -> Format {
        Format::TensorBoard
    }

    fn claims(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains("tfevents.") && !name.ends_with(".profile-empty")
    }

    fn read(
        &self,
        folder: &Path,
        files: &[PathBuf],
        _options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        let mut by_folder = BTreeMap::<&Path, Vec<&PathBuf>>::new();
        for file in files {
            by_folder
                .entry(file.parent().unwrap_or(folder))
                .or_default()
                .push(file);
        }
        for (place, files) in by_folder {
            let mut run = LoggedRun {
                name: name_below(folder, place),
                source: place.display().to_string(),
                ..LoggedRun::default()
            };
            if let Some((_, settings)) = sidecar::beside(place) {
                sidecar::flatten("", &settings, &mut run.settings);
            }
            // Names hold the time of the start: a later file continues an earlier one.
            for file in files {
                read_events(&read_file(file)?, file, &mut run, &mut logged.notes);
            }
            logged.runs.push(run);
        }
        Ok(())
    }
}

/// Reads an event file that is in memory.
pub(super) fn read_bytes(bytes: &[u8], path: &Path, logged: &mut Logged) {
    let mut run = LoggedRun {
        name: path.display().to_string(),
        source: path.display().to_string(),
        ..LoggedRun::default()
    };
    read_events(bytes, path, &mut run, &mut logged.notes);
    logged.runs.push(run);
}

/// Adds the scalars of a file to a run, with a note on each range that is unreadable.
fn read_events(bytes: &[u8], path: &Path, run: &mut LoggedRun, notes: &mut Vec<String>) {
    let shown = path.display();
    let mut unread = Vec::new();
    for item in Records::new(bytes) {
        match item {
            Item::Record(record) => match Event::decode(record) {
                Ok(event) => add(run, event),
                Err(error) => unread.push(format!("{shown}: an event is not readable: {error}")),
            },
            Item::Skipped { start, bytes, why } => {
                unread.push(format!(
                    "{shown}: {bytes} bytes from byte {start} are skipped: {why}"
                ));
            }
        }
    }
    let more = unread.len().saturating_sub(MAX_NOTES);
    unread.truncate(MAX_NOTES);
    notes.extend(unread);
    if more > 0 {
        notes.push(format!("{shown}: {more} more ranges are skipped"));
    }
}

fn add(run: &mut LoggedRun, event: Event) {
    let step = event.step.max(0).cast_unsigned();
    for value in event.summary.unwrap_or_default().value {
        if value.tag == "_hparams_/session_start_info" {
            add_hparams(run, value.metadata.unwrap_or_default());
        } else if let Some(scalar) = value.simple_value.map(f64::from).or_else(|| value.scalar()) {
            run.log(&value.tag, step, scalar);
        }
    }
}

fn add_hparams(run: &mut LoggedRun, metadata: Metadata) {
    let plugin = metadata.plugin_data.unwrap_or_default();
    let Ok(data) = HParams::decode(&plugin.content[..]) else {
        return;
    };
    for (key, value) in data.session_start_info.unwrap_or_default().hparams {
        let text = match value.kind {
            Some(Kind::Number(number)) => number.to_string(),
            Some(Kind::Text(text)) => text,
            Some(Kind::Truth(truth)) => truth.to_string(),
            None => continue,
        };
        run.settings.insert(key, text);
    }
}

#[derive(Message)]
struct Event {
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

impl Value {
    /// TensorFlow 2 writes a scalar as a tensor of the plugin `scalars`.
    fn scalar(&self) -> Option<f64> {
        let plugin = self
            .metadata
            .as_ref()
            .and_then(|data| data.plugin_data.as_ref());
        let tensor = self.tensor.as_ref()?;
        match plugin {
            Some(plugin) if plugin.plugin_name != "scalars" => None,
            _ => tensor.scalar(),
        }
    }
}

#[derive(Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(bytes = "vec", tag = "4")]
    content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    doubles: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    ints: Vec<i32>,
    #[prost(int64, repeated, tag = "10")]
    longs: Vec<i64>,
}

impl Tensor {
    /// The only element; types as numbered in TensorFlow's `types.proto`.
    fn scalar(&self) -> Option<f64> {
        let bytes = &self.content[..];
        match self.dtype {
            1 => match <[u8; 4]>::try_from(bytes) {
                Ok(bytes) => Some(f64::from(f32::from_le_bytes(bytes))),
                Err(_) => only(&self.floats).map(f64::from),
            },
            2 => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Some(f64::from_le_bytes(bytes)),
                Err(_) => only(&self.doubles),
            },
            3 => match <[u8; 4]>::try_from(bytes) {
                Ok(bytes) => Some(f64::from(i32::from_le_bytes(bytes))),
                Err(_) => only(&self.ints).map(f64::from),
            },
            9 => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Some(i64::from_le_bytes(bytes) as f64),
                Err(_) => only(&self.longs).map(|value| value as f64),
            },
            _ => None,
        }
    }
}

fn only<T: Copy>(values: &[T]) -> Option<T> {
    match values {
        [value] => Some(*value),
        _ => None,
    }
}

#[derive(Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// `HParamsPluginData` of TensorBoard's plugin `hparams`.
#[derive(Message)]
struct HParams {
    #[prost(message, optional, tag = "3")]
    session_start_info: Option<SessionStart>,
}

#[derive(Message)]
struct SessionStart {
    #[prost(map = "string, message", tag = "1")]
    hparams: HashMap<String, AnyValue>,
}

/// `google.protobuf.Value`.
#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Kind", tags = "2, 3, 4")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Truth(bool),
}
