//! Checkpoints as safetensors: weights by name, both moments, the loss log, and a checksum.
//!
//! A file is written beside its target, flushed to disk and renamed over it, so that a reader sees
//! the old checkpoint or the new one, never a part.

use crate::device::Device;
use crate::engine::State;
use crate::layout::Layout;
use crate::trainer::{TrainError, TrainSpec, Trainer};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a checkpoint can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file can't be written or read.
    #[error("can't {action} the checkpoint `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a whole safetensors file.
    #[error("`{path}` is not a readable checkpoint: {source}; delete it to start the run again")]
    Format {
        /// The file.
        path: PathBuf,
        /// The format's reason.
        source: SafeTensorError,
    },
    /// A part is missing, has another size, or its checksum differs.
    #[error("the checkpoint `{path}` is damaged: {what}; delete it to start the run again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The checkpoint belongs to a run with another specification.
    #[error("the checkpoint `{path}` is of another run: its specification differs")]
    OtherRun {
        /// The file.
        path: PathBuf,
    },
    /// The specification in the checkpoint can't be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
}

const SPEC: &str = "isoflop.spec";
const CHECKSUM: &str = "isoflop.blake3";
const FIRST: &str = "adamw.first";
const SECOND: &str = "adamw.second";
const LOSSES: &str = "losses";

impl Trainer {
    /// Writes the whole state to `path`, atomically.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] when the file can't be written; the old checkpoint, if any, stays.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |action| {
            move |source| CheckpointError::Io {
                action,
                path: path.into(),
                source,
            }
        };
        let parts = parts(self)?;
        let metadata = HashMap::from([
            (SPEC.to_owned(), spec_json(self.spec())),
            (
                CHECKSUM.to_owned(),
                checksum(parts.iter().map(|part| part.bytes.as_slice())),
            ),
        ]);
        let views = parts.iter().map(|part| {
            TensorView::new(Dtype::F32, part.shape.clone(), &part.bytes)
                .map(|view| (part.name.as_str(), view))
        });
        let format = |source| CheckpointError::Format {
            path: path.into(),
            source,
        };
        let views: Vec<_> = views.collect::<Result<_, _>>().map_err(format)?;
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(format)?;
        write_atomically(path, &bytes).map_err(io("write"))
    }

    /// Reads the state that [`Trainer::save`] wrote for the same specification.
    ///
    /// # Errors
    /// [`CheckpointError`] for an unreadable, damaged or foreign file.
    pub fn load(path: &Path, spec: &TrainSpec) -> Result<Self, CheckpointError> {
        Self::load_on(Device::Cpu, path, spec)
    }

    /// As [`Trainer::load`], to go on on `device`, whichever device wrote it.
    ///
    /// # Errors
    /// As [`Trainer::load`], and [`CheckpointError::Train`] for a device that is not there.
    pub fn load_on(device: Device, path: &Path, spec: &TrainSpec) -> Result<Self, CheckpointError> {
        let bytes = fs::read(path).map_err(|source| CheckpointError::Io {
            action: "read",
            path: path.into(),
            source,
        })?;
        let format = |source| CheckpointError::Format {
            path: path.into(),
            source,
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(format)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if metadata.get(SPEC) != Some(&spec_json(spec)) {
            return Err(CheckpointError::OtherRun { path: path.into() });
        }
        let tensors = SafeTensors::deserialize(&bytes).map_err(format)?;
        let damaged = |what: String| CheckpointError::Damaged {
            path: path.into(),
            what,
        };
        let layout = Layout::new(&spec.shape);
        let names = names(&layout);
        let data = names
            .iter()
            .map(|name| tensors.tensor(name).map(|view| view.data()));
        let data: Vec<&[u8]> = data.collect::<Result<_, _>>().map_err(format)?;
        if metadata.get(CHECKSUM) != Some(&checksum(data.iter().copied())) {
            return Err(damaged("its checksum does not match its contents".into()));
        }
        let read = |name: &str| {
            tensors
                .tensor(name)
                .map(|view| floats(view.data()))
                .map_err(format)
        };
        let mut weights = Vec::with_capacity(layout.len());
        for tensor in layout.tensors() {
            weights.extend(read(&tensor.name)?);
        }
        let (first, second, losses) = (read(FIRST)?, read(SECOND)?, read(LOSSES)?);
        let sizes = [weights.len(), first.len(), second.len()];
        if sizes != [layout.len(); 3] || losses.len() as u64 > spec.schedule.steps {
            return Err(damaged(format!(
                "it holds {sizes:?} values, not {} each",
                layout.len()
            )));
        }
        let state = State {
            weights,
            first,
            second,
        };
        Ok(Self::resume(device, spec.clone(), state, losses)?)
    }
}

struct Part {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn parts(trainer: &Trainer) -> Result<Vec<Part>, TrainError> {
    let weights = trainer.weights()?;
    let tensors = trainer
        .model()
        .layout()
        .tensors()
        .iter()
        .map(|tensor| Part {
            name: tensor.name.clone(),
            shape: vec![tensor.rows, tensor.cols],
            bytes: bytes(&weights[tensor.range.clone()]),
        });
    let (first, second) = trainer.moments()?;
    let states = [
        (FIRST, &*first),
        (SECOND, &*second),
        (LOSSES, trainer.losses()),
    ];
    let states = states.into_iter().map(|(name, values)| Part {
        name: name.to_owned(),
        shape: vec![values.len()],
        bytes: bytes(values),
    });
    Ok(tensors.chain(states).collect())
}

fn names(layout: &Layout) -> Vec<String> {
    let tensors = layout.tensors().iter().map(|tensor| tensor.name.clone());
    tensors
        .chain([FIRST, SECOND, LOSSES].map(str::to_owned))
        .collect()
}

/// The checksum covers every value in the layout's order, whatever order the file keeps.
fn checksum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

fn spec_json(spec: &TrainSpec) -> String {
    // Plain numbers and names: serialising can't fail.
    serde_json::to_string(spec).unwrap_or_default()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect()
}

/// Writes beside `path`, flushes, renames over it, and flushes the folder.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = folder.join(name);
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{Architecture, FAMILIES};
    use crate::schedule::{Decay, Schedule};
    use crate::shape::ModelShape;

    fn spec() -> TrainSpec {
        TrainSpec {
            shape: ModelShape {
                layers: 2,
                width: 32,
                heads: 1,
                vocabulary: 19,
                context: 8,
                architecture: Architecture::PLAIN,
            },
            batch: 3,
            schedule: Schedule {
                warmup: 2,
                steps: 12,
                decay: Decay::Linear,
            },
            learning_rate: 1e-2,
            embedding_rate: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            optimizer: crate::Optimizer::AdamW,
            clip: 1.0,
            seed: 5,
        }
    }

    fn run(trainer: &mut Trainer, steps: u64) {
        let text: Vec<u16> = (0..500_u32).map(|i| (i * i % 19) as u16).collect();
        for _ in 0..steps {
            let step = trainer.steps_done() as usize;
            trainer.step(|i| &text[(step * 3 + i) * 8..][..9]).unwrap();
        }
    }

    #[test]
    fn a_run_resumed_at_any_step_ends_with_the_same_bits() {
        let optimizer = crate::Optimizer::Muon {
            rate: 1.0,
            momentum: 0.95,
        };
        resumes(spec());
        for (name, architecture) in FAMILIES {
            println!("{name}");
            let mut spec = spec();
            // More heads, so that some can be grouped.
            spec.shape.heads = 2;
            spec.shape.architecture = architecture;
            resumes(spec.clone());
            resumes(TrainSpec { optimizer, ..spec });
        }
    }

    fn resumes(spec: TrainSpec) {
        let spec = || spec.clone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let mut whole = Trainer::new(spec()).unwrap();
        run(&mut whole, 12);
        for stop in 0..=12 {
            let mut begun = Trainer::new(spec()).unwrap();
            run(&mut begun, stop);
            begun.save(&path).unwrap();
            drop(begun);
            let mut resumed = Trainer::load(&path, &spec()).unwrap();
            assert_eq!(resumed.steps_done(), stop);
            run(&mut resumed, 12 - stop);
            assert_eq!(resumed.weights(), whole.weights());
            assert_eq!(resumed.losses(), whole.losses());
        }
    }

    #[test]
    fn truncated_changed_and_foreign_files_are_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let mut trainer = Trainer::new(spec()).unwrap();
        run(&mut trainer, 3);
        trainer.save(&path).unwrap();
        let other = TrainSpec { seed: 6, ..spec() };
        let error = Trainer::load(&path, &other).err().unwrap();
        assert!(matches!(error, CheckpointError::OtherRun { .. }), "{error}");

        let whole = fs::read(&path).unwrap();
        for end in (0..whole.len()).step_by(997) {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(Trainer::load(&path, &spec()).is_err(), "cut at {end}");
        }
        // Every bit of the data counts, not only the header.
        for at in (whole.len() / 2..whole.len()).step_by(1231) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, &changed).unwrap();
            let error = Trainer::load(&path, &spec()).err().unwrap().to_string();
            assert!(
                error.contains("damaged") && error.contains("delete it"),
                "{error}"
            );
        }
        fs::write(&path, &whole).unwrap();
        assert!(Trainer::load(&path, &spec()).is_ok());
    }

    #[test]
    fn a_failed_write_leaves_the_old_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let error = Trainer::new(spec())
            .unwrap()
            .save(&folder.path().join("no/run"))
            .unwrap_err();
        assert!(
            error.to_string().contains("can't write the checkpoint"),
            "{error}"
        );
    }
}
