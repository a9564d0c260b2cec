//! The GPU, its kernels compiled for a width of head, and the first failure.

use super::arguments::Argument;
use crate::device::DeviceError;
use cudarc::cublas::{self, CudaBlas};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, DevicePtr, DeviceRepr,
    DriverError, LaunchConfig, PushKernelArg, ValidAsZeroBits, sys,
};
use cudarc::nvrtc::{self, CompileOptions};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const SOURCE: &str = include_str!("kernels.cu");

const KERNELS: [&str; 20] = [
    "scale",
    "gather",
    "scatter_add",
    "rmsnorm",
    "rmsnorm_dx",
    "rmsnorm_dgain_parts",
    "rmsnorm_dgain",
    "rotate",
    "attention",
    "attention_dq",
    "attention_dkv",
    "gelu",
    "multiply",
    "swiglu",
    "swiglu_backward",
    "cross_entropy",
    "sum_losses",
    "squares",
    "gradient_norm",
    "adamw",
];

/// Widest head: a tile of keys and values must fit in a block's shared memory.
const WIDEST_HEAD: usize = 128;

/// How float32 products are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// In float32.
    Float32,
    /// Factors rounded to TF32's 10 bits of mantissa, summed in float32.
    Tf32,
}

/// Numbers in the GPU's memory.
pub struct Array<T> {
    pub(super) slice: CudaSlice<T>,
    /// Address of the first.
    pub(super) at: u64,
}

/// An NVIDIA GPU, one stream of work on it.
pub struct Cuda {
    pub(super) context: Arc<CudaContext>,
    pub(super) stream: Arc<CudaStream>,
    pub(super) blas: CudaBlas,
    pub(super) precision: Precision,
    kernels: HashMap<&'static str, CudaFunction>,
    failure: Mutex<Option<DeviceError>>,
}

impl Cuda {
    /// The first GPU, with kernels for heads of `head_width` elements.
    ///
    /// # Errors
    /// [`DeviceError`] for what is missing.
    pub fn new(precision: Precision, head_width: usize) -> Result<Self, DeviceError> {
        libraries()?;
        if head_width > WIDEST_HEAD {
            return Err(DeviceError::HeadWidth {
                width: head_width,
                most: WIDEST_HEAD,
            });
        }
        let no_gpu = |error: DriverError| DeviceError::NoGpu {
            reason: reason(error),
        };
        let context = CudaContext::new(0).map_err(no_gpu)?;
        // SAFETY: all work is on one stream, in order: no events are needed between uses.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(no_gpu)?;
        let module = compile(&context, head_width)?;
        let failed = |error: DriverError| failed("loading kernels", reason(error));
        let kernels = KERNELS
            .into_iter()
            .map(|name| Ok((name, module.load_function(name).map_err(failed)?)))
            .collect::<Result<_, DeviceError>>()?;
        let blas = CudaBlas::new(stream.clone())
            .map_err(|error| self::failed("starting cuBLAS", format!("{error:?}")))?;
        Ok(Self {
            context,
            stream,
            blas,
            precision,
            kernels,
            failure: Mutex::new(None),
        })
    }

    /// `len` zeros.
    pub fn zeroed<T: DeviceRepr + ValidAsZeroBits>(
        &self,
        len: usize,
    ) -> Result<Array<T>, DeviceError> {
        let len = len.max(1);
        let slice = self
            .stream
            .alloc_zeros::<T>(len)
            .map_err(|error| match error.0 {
                sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => DeviceError::OutOfMemory {
                    megabytes: (len * size_of::<T>()).div_ceil(1 << 20),
                },
                _ => failed("allocating memory", reason(error)),
            })?;
        let at = slice.device_ptr(&self.stream).0;
        Ok(Array { slice, at })
    }

    /// `values` into the beginning of `to`.
    pub fn upload<T: DeviceRepr>(
        &self,
        values: &[T],
        to: &mut Array<T>,
    ) -> Result<(), DeviceError> {
        let mut part = to.slice.slice_mut(..values.len());
        self.stream
            .memcpy_htod(values, &mut part)
            .map_err(|error| failed("copying to the GPU", reason(error)))
    }

    /// The first `len` of `from`, when all queued work is done; or the first failure since.
    pub fn download<T: DeviceRepr + Clone + Default>(
        &self,
        from: &Array<T>,
        len: usize,
    ) -> Result<Vec<T>, DeviceError> {
        let mut values = vec![T::default(); len];
        let copied = self
            .stream
            .memcpy_dtoh(&from.slice.slice(..len), &mut values)
            .and_then(|()| self.stream.synchronize())
            .map_err(|error| failed("computing", reason(error)));
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.take() {
            Some(failure) => Err(failure),
            None => copied.map(|()| values),
        }
    }

    /// Keeps the first failure for the next [`Cuda::download`].
    pub(super) fn note(&self, doing: &'static str, result: Result<(), String>) {
        if let Err(reason) = result {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(failed(doing, reason));
        }
    }

    /// Queues a kernel with `arguments`.
    pub(super) fn launch(
        &self,
        name: &'static str,
        grid: (u32, u32, u32),
        block: (u32, u32, u32),
        arguments: &[Argument],
    ) {
        let mut call = self.stream.launch_builder(&self.kernels[name]);
        for argument in arguments {
            match argument {
                Argument::Address(value) => call.arg(value),
                Argument::Long(value) => call.arg(value),
                Argument::Int(value) => call.arg(value),
                Argument::Float(value) => call.arg(value),
            };
        }
        let config = LaunchConfig {
            grid_dim: grid,
            block_dim: block,
            shared_mem_bytes: 0,
        };
        // SAFETY: the views' bounds were checked, and each kernel's arguments match its source.
        let result = unsafe { call.launch(config) };
        self.note(name, result.map(drop).map_err(reason));
    }

    /// Makes the GPU current on this thread.
    pub fn bind(&self) -> Result<(), DeviceError> {
        self.context
            .bind_to_thread()
            .map_err(|error| failed("starting work", reason(error)))
    }
}

fn failed(doing: &'static str, reason: String) -> DeviceError {
    DeviceError::Failed { doing, reason }
}

pub(super) fn reason(error: DriverError) -> String {
    format!("{:?}", error.0)
}

fn libraries() -> Result<(), DeviceError> {
    // SAFETY: looks for libraries by name; loading CUDA's own runs no code of ours.
    let found = unsafe {
        [
            (
                cudarc::driver::sys::is_culib_present(),
                "libcuda.so",
                "the NVIDIA driver",
            ),
            (
                nvrtc::sys::is_culib_present(),
                "libnvrtc.so",
                "the CUDA toolkit",
            ),
            (
                cublas::sys::is_culib_present(),
                "libcublas.so",
                "the CUDA toolkit",
            ),
        ]
    };
    match found.into_iter().find(|(there, ..)| !there) {
        Some((_, library, package)) => Err(DeviceError::Library { library, package }),
        None => Ok(()),
    }
}

fn compile(context: &Arc<CudaContext>, head_width: usize) -> Result<Arc<CudaModule>, DeviceError> {
    let (major, minor) = context
        .compute_capability()
        .map_err(|error| failed("asking for the GPU's kind", reason(error)))?;
    let options = CompileOptions {
        options: vec![
            format!("--gpu-architecture=compute_{major}{minor}"),
            format!("-DHW={head_width}"),
        ],
        ..CompileOptions::default()
    };
    let ptx = nvrtc::compile_ptx_with_opts(SOURCE, options)
        .map_err(|error| failed("compiling kernels", format!("{error:?}")))?;
    context
        .load_module(ptx)
        .map_err(|error| failed("loading kernels", reason(error)))
}
