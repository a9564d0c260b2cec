//! Where a run is trained, and why it can't be.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What executes the training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The processor's cores.
    #[default]
    Cpu,
    /// The first NVIDIA GPU that CUDA shows (`CUDA_VISIBLE_DEVICES` chooses another); needs the
    /// feature `cuda`.
    Cuda,
    /// As `Cuda`, with the factors of matrix products rounded to TF32 (10 bits of mantissa).
    CudaTf32,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
            Device::CudaTf32 => "cuda-tf32",
        })
    }
}

impl FromStr for Device {
    type Err = String;

    /// `cpu`, `cuda` or `cuda-tf32`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda),
            "cuda-tf32" => Ok(Device::CudaTf32),
            other => Err(format!(
                "`{other}` is no device: give cpu, cuda or cuda-tf32"
            )),
        }
    }
}

/// Why a device can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// This program was built for the processor alone.
    #[error(
        "this program was built without CUDA: build it with `--features cuda`, or train on the cpu"
    )]
    NotBuilt,
    /// A library of CUDA is not there.
    #[error(
        "{library} was not found: install {package}, or add its folder to LD_LIBRARY_PATH, or train on the cpu"
    )]
    Library {
        /// The library.
        library: &'static str,
        /// What it comes with.
        package: &'static str,
    },
    /// There is a driver and no GPU that it shows.
    #[error(
        "CUDA shows no GPU ({reason}): look at `nvidia-smi` and CUDA_VISIBLE_DEVICES, or train on the cpu"
    )]
    NoGpu {
        /// The driver's reason.
        reason: String,
    },
    /// The GPU's memory does not suffice.
    #[error(
        "the GPU has no {megabytes} MB left for this model: take a smaller model or batch, or end what else uses the GPU"
    )]
    OutOfMemory {
        /// Size of the allocation that failed.
        megabytes: usize,
    },
    /// A head too wide for the kernel of attention.
    #[error("heads of {width} elements are too wide for the GPU: give heads of at most {most}")]
    HeadWidth {
        /// Elements asked for.
        width: usize,
        /// Elements that fit.
        most: usize,
    },
    /// An optimiser that has no kernels on the GPU.
    #[error("Muon trains on the processor only: train on the cpu, or by AdamW")]
    Optimizer,
    /// A part of a model that has no kernels on the GPU.
    #[error("{part} train on the processor only: train on the cpu, or {instead}")]
    Family {
        /// The part, in the plural.
        part: &'static str,
        /// What the GPU does train.
        instead: &'static str,
    },
    /// CUDA failed in the run.
    #[error(
        "the GPU failed while {doing}: {reason}; the last checkpoint is whole, so start the run again"
    )]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// CUDA's reason.
        reason: String,
    },
}

/// Mixtures of experts are trained by the processor alone.
pub(crate) const MIXTURES: DeviceError = DeviceError::Family {
    part: "mixtures of experts",
    instead: "give no `experts`",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_it_is_printed() {
        for device in [Device::Cpu, Device::Cuda, Device::CudaTf32] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        let error = "gpu".parse::<Device>().unwrap_err();
        assert!(error.contains("cpu, cuda"), "{error}");
    }
}
