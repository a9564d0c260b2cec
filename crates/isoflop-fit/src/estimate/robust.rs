//! The loss of one residual: squares in the middle, absolute values beyond (Huber 1964).

/// Huber's function with threshold `delta`; infinite `delta` gives half the square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Huber {
    pub delta: f64,
}

impl Huber {
    /// Half the square of the residual, whatever its size.
    pub(crate) const SQUARES: Self = Self {
        delta: f64::INFINITY,
    };

    /// Its value at a residual.
    #[inline]
    pub(crate) fn value(self, residual: f64) -> f64 {
        let size = residual.abs();
        if size <= self.delta {
            0.5 * residual * residual
        } else {
            self.delta * (size - 0.5 * self.delta)
        }
    }

    /// Its first and second derivative.
    #[inline]
    pub(crate) fn derivatives(self, residual: f64) -> (f64, f64) {
        if residual.abs() <= self.delta {
            (residual, 1.0)
        } else {
            (self.delta.copysign(residual), 0.0)
        }
    }

    /// Weight that makes a weighted square touch the function at this residual.
    #[inline]
    pub(crate) fn weight(self, residual: f64) -> f64 {
        let size = residual.abs();
        if size <= self.delta {
            1.0
        } else {
            self.delta / size
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_meet_absolute_values_smoothly() {
        let huber = Huber { delta: 1e-3 };
        assert!((huber.value(1e-3) - 0.5e-6).abs() < 1e-18);
        assert!((huber.value(2e-3) - 1.5e-6).abs() < 1e-18);
        assert_eq!(huber.derivatives(-2e-3), (-1e-3, 0.0));
        assert_eq!(huber.derivatives(5e-4), (5e-4, 1.0));
        assert!((huber.weight(4e-3) - 0.25).abs() < 1e-15);
    }
}
