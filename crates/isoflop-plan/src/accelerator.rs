//! Accelerators and their peak speed, and compute from hardware, time or money.
//!
//! Peaks are of one device, for *dense* matrices: data sheets often print the figure for 2:4
//! sparsity, which is twice as high. No price is built in, for prices change by the week.

use isoflop_laws::Flops;
use serde::Serialize;

/// A device that models are trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accelerator {
    /// Name, as in `512xH100`.
    pub name: &'static str,
    /// Peak FLOP per second of one device, dense.
    pub peak_flops_per_sec: f64,
    /// Number format of the peak.
    pub precision: &'static str,
    /// Where the figure comes from.
    pub source: &'static str,
}

/// Devices by name.
pub const ACCELERATORS: &[Accelerator] = &[
    device("V100", 125e12, "fp16", "NVIDIA V100 data sheet, SXM2"),
    device("A100", 312e12, "bf16", "NVIDIA A100 data sheet"),
    device("A10", 125e12, "bf16", "NVIDIA A10 data sheet"),
    device(
        "L40S",
        362e12,
        "bf16",
        "NVIDIA L40S data sheet, without sparsity",
    ),
    device(
        "H100",
        989e12,
        "bf16",
        "NVIDIA H100 data sheet, SXM, without sparsity",
    ),
    device(
        "H100-PCIe",
        756e12,
        "bf16",
        "NVIDIA H100 data sheet, PCIe, without sparsity",
    ),
    device(
        "H100-NVL",
        835e12,
        "bf16",
        "NVIDIA H100 data sheet, NVL, without sparsity",
    ),
    device(
        "H800",
        989e12,
        "bf16",
        "NVIDIA H800 data sheet, SXM, without sparsity",
    ),
    device("H20", 148e12, "bf16", "NVIDIA H20 data sheet"),
    device(
        "H200",
        989e12,
        "bf16",
        "NVIDIA H200 data sheet, SXM, without sparsity",
    ),
    device(
        "B200",
        2250e12,
        "bf16",
        "NVIDIA Blackwell data sheet, without sparsity",
    ),
    device(
        "MI250X",
        383e12,
        "bf16",
        "AMD Instinct MI250X data sheet, both dies",
    ),
    device(
        "MI300X",
        1307e12,
        "bf16",
        "AMD Instinct MI300X data sheet, without sparsity",
    ),
    device(
        "MI325X",
        1307e12,
        "bf16",
        "AMD Instinct MI325X data sheet, without sparsity",
    ),
    device(
        "TPUv3",
        123e12,
        "bf16",
        "Google Cloud documentation, one chip",
    ),
    device(
        "TPUv4",
        275e12,
        "bf16",
        "Google Cloud documentation, one chip",
    ),
    device(
        "TPUv5e",
        197e12,
        "bf16",
        "Google Cloud documentation, one chip",
    ),
    device(
        "TPUv5p",
        459e12,
        "bf16",
        "Google Cloud documentation, one chip",
    ),
    device(
        "TPUv6e",
        918e12,
        "bf16",
        "Google Cloud documentation, one chip",
    ),
    device(
        "Trainium2",
        667e12,
        "bf16",
        "AWS Trainium2 documentation, one chip",
    ),
];

const fn device(
    name: &'static str,
    peak_flops_per_sec: f64,
    precision: &'static str,
    source: &'static str,
) -> Accelerator {
    Accelerator {
        name,
        peak_flops_per_sec,
        precision,
        source,
    }
}

/// Why hardware, time or money is not a budget.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Not of the form `512xH100`.
    #[error(
        "`{0}` does not say how many of what: expected a number and a device, such as 512xH100"
    )]
    Unreadable(String),
    /// No such device in [`ACCELERATORS`].
    #[error("there is no accelerator `{0}` in the table")]
    UnknownDevice(String),
    /// A number that must be positive is not, or the utilisation is above one.
    #[error("{what} is {value}: expected {expected}")]
    OutOfRange {
        /// What was given.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },
}

/// A number of devices of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cluster {
    /// How many devices.
    pub devices: f64,
    /// Of what.
    pub accelerator: Accelerator,
}

impl Cluster {
    /// Reads `512xH100` or `512×H100`; names in any case.
    ///
    /// # Errors
    /// [`BudgetError`] says what was not understood.
    pub fn read(text: &str) -> Result<Self, BudgetError> {
        let unreadable = || BudgetError::Unreadable(text.to_owned());
        let text = text.trim();
        let split = text.find(['x', 'X', '×']).ok_or_else(unreadable)?;
        let separator = text[split..].chars().next().map_or(0, char::len_utf8);
        let devices: u32 = text[..split].trim().parse().map_err(|_| unreadable())?;
        if devices == 0 {
            return Err(unreadable());
        }
        let name = text[split + separator..].trim();
        let accelerator = ACCELERATORS
            .iter()
            .find(|device| device.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| BudgetError::UnknownDevice(name.to_owned()))?;
        Ok(Self {
            devices: f64::from(devices),
            accelerator: *accelerator,
        })
    }

    /// What the devices compute in `days` at model FLOPs utilisation `mfu` (share of the peak).
    ///
    /// # Errors
    /// [`BudgetError::OutOfRange`] unless days are positive and 0 < MFU ≤ 1.
    pub fn flops(&self, days: f64, mfu: f64) -> Result<Flops, BudgetError> {
        let positive = |what, value: f64| out_of_range(what, value, "a positive number");
        if !(days.is_finite() && days > 0.0) {
            return Err(positive("the number of days", days));
        }
        let per_sec = self.devices * self.accelerator.peak_flops_per_sec * utilisation(mfu)?;
        Flops::new(per_sec * days * 86_400.0).map_err(|_| positive("the number of days", days))
    }
}

/// What `money` buys at `price` per device-hour, in days of this cluster's devices.
///
/// # Errors
/// [`BudgetError::OutOfRange`] unless both are positive.
pub fn days_for_money(cluster: &Cluster, money: f64, price: f64) -> Result<f64, BudgetError> {
    for (what, value) in [("the money", money), ("the price per hour", price)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(out_of_range(what, value, "a positive number"));
        }
    }
    Ok(money / price / cluster.devices / 24.0)
}

fn utilisation(mfu: f64) -> Result<f64, BudgetError> {
    if mfu > 0.0 && mfu <= 1.0 {
        Ok(mfu)
    } else {
        Err(out_of_range(
            "the utilisation",
            mfu,
            "a share of the peak such as 0.4",
        ))
    }
}

fn out_of_range(what: &'static str, value: f64, expected: &'static str) -> BudgetError {
    BudgetError::OutOfRange {
        what,
        value,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama_3_405b_fits_its_own_account_of_its_hardware() {
        // Grattafiori et al. 2024, table 4 and section 3.3: 16,384 H100 at 41 % BF16 utilisation,
        // 3.8e25 FLOPs; Meta's model card says 30.84M GPU hours for 405B, which counts more than the
        // pre-training alone.
        let cluster = Cluster::read("16384xH100").unwrap();
        let days = 30.84e6 / 16_384.0 / 24.0;
        let flops = cluster.flops(days, 0.41).unwrap().get();
        assert!((flops / 3.8e25 - 1.0).abs() < 0.2, "{flops:e}");
    }

    #[test]
    fn palm_540b_fits_its_own_account_of_its_hardware() {
        // Chowdhery et al. 2022, table 3 and appendix B: 6,144 TPU v4, model FLOPs utilisation
        // 46.2 %, 238 thousand tokens a second, 2.5272e24 FLOPs in all for 780B tokens.
        let cluster = Cluster::read("6144xTPUv4").unwrap();
        let days = 780e9 / 238.3e3 / 86_400.0;
        let flops = cluster.flops(days, 0.462).unwrap().get();
        assert!((flops / 2.5272e24 - 1.0).abs() < 0.05, "{flops:e}");
    }

    #[test]
    fn clusters_are_read_as_people_write_them() {
        for text in ["512xH100", "512 x h100", "512×H100", "512XH100"] {
            let cluster = Cluster::read(text).unwrap();
            assert_eq!(cluster.devices, 512.0);
            assert_eq!(cluster.accelerator.name, "H100");
        }
        for text in [
            "", "H100", "x", "0xH100", "-3xH100", "1.5xH100", "512xH900", "512x", "é×",
        ] {
            assert!(Cluster::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn money_buys_device_hours() {
        let cluster = Cluster::read("100xA100").unwrap();
        assert_eq!(days_for_money(&cluster, 24_000.0, 1.0).unwrap(), 10.0);
        assert!(days_for_money(&cluster, 24_000.0, 0.0).is_err());
        assert!(cluster.flops(10.0, 1.2).is_err());
        assert!(cluster.flops(f64::NAN, 0.4).is_err());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = ACCELERATORS.iter().map(|device| device.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ACCELERATORS.len());
    }
}
