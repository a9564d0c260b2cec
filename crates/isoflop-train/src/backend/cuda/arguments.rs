//! Arguments of a kernel, each as its C type.

/// One argument by value.
#[derive(Debug, Clone, Copy)]
pub enum Argument {
    /// An address.
    Address(u64),
    /// `long long`.
    Long(i64),
    /// `int`.
    Int(i32),
    /// `float`.
    Float(f32),
}

impl From<u64> for Argument {
    fn from(value: u64) -> Self {
        Argument::Address(value)
    }
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Argument::Long(value)
    }
}

impl From<i32> for Argument {
    fn from(value: i32) -> Self {
        Argument::Int(value)
    }
}

impl From<f32> for Argument {
    fn from(value: f32) -> Self {
        Argument::Float(value)
    }
}

macro_rules! args {
    ($($value:expr),* $(,)?) => {
        [$($crate::backend::cuda::arguments::Argument::from($value)),*]
    };
}
