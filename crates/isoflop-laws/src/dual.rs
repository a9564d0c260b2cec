//! Numbers that carry their exact derivatives: forward-mode differentiation with dual numbers
//! (Clifford 1873; Griewank & Walther 2008, chapter 3), so that each formula is written once.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number that a law's formula can be computed with: a plain `f64` or a [`Dual`].
pub trait Real:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// A number whose derivatives are zero.
    fn constant(value: f64) -> Self;
    /// The number without its derivatives.
    fn value(self) -> f64;
    /// e to this power.
    #[must_use]
    fn exp(self) -> Self;
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// This number, which must be positive, to the power `exponent`.
    #[must_use]
    fn pow(self, exponent: Self) -> Self {
        (exponent * self.ln()).exp()
    }
    /// The smaller of two numbers, with its derivatives.
    #[must_use]
    fn min(self, other: Self) -> Self {
        if self.value() <= other.value() {
            self
        } else {
            other
        }
    }
    /// The larger of two numbers, with its derivatives.
    #[must_use]
    fn max(self, other: Self) -> Self {
        if self.value() >= other.value() {
            self
        } else {
            other
        }
    }
}

impl Real for f64 {
    fn constant(value: f64) -> Self {
        value
    }
    fn value(self) -> f64 {
        self
    }
    fn exp(self) -> Self {
        f64::exp(self)
    }
    fn ln(self) -> Self {
        f64::ln(self)
    }
}

/// A value with its derivatives by `W` variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<const W: usize> {
    /// The value.
    pub value: f64,
    /// Its derivative by each variable.
    pub partials: [f64; W],
}

impl<const W: usize> Dual<W> {
    /// The variable number `index` at `value`: its derivative by itself is one.
    #[must_use]
    pub fn variable(value: f64, index: usize) -> Self {
        let mut partials = [0.0; W];
        if let Some(own) = partials.get_mut(index) {
            *own = 1.0;
        }
        Self { value, partials }
    }

    /// A function of this number whose value and slope here are known.
    fn chain(self, value: f64, slope: f64) -> Self {
        Self {
            value,
            partials: self.partials.map(|partial| slope * partial),
        }
    }

    /// A function of two numbers whose value and slopes here are known.
    fn chain_two(self, other: Self, value: f64, slope: f64, other_slope: f64) -> Self {
        let mut partials = [0.0; W];
        for (index, partial) in partials.iter_mut().enumerate() {
            *partial = slope * self.partials[index] + other_slope * other.partials[index];
        }
        Self { value, partials }
    }
}

impl<const W: usize> Add for Dual<W> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.chain_two(other, self.value + other.value, 1.0, 1.0)
    }
}

impl<const W: usize> Sub for Dual<W> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.chain_two(other, self.value - other.value, 1.0, -1.0)
    }
}

impl<const W: usize> Mul for Dual<W> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.chain_two(other, self.value * other.value, other.value, self.value)
    }
}

impl<const W: usize> Div for Dual<W> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        self.chain_two(other, quotient, 1.0 / other.value, -quotient / other.value)
    }
}

impl<const W: usize> Neg for Dual<W> {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl<const W: usize> Real for Dual<W> {
    fn constant(value: f64) -> Self {
        Self {
            value,
            partials: [0.0; W],
        }
    }
    fn value(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), 1.0 / self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_each_operation_are_those_of_the_textbook() {
        let x = Dual::<2>::variable(1.7, 0);
        let y = Dual::<2>::variable(0.6, 1);
        assert_eq!((x + y).partials, [1.0, 1.0]);
        assert_eq!((x - y).partials, [1.0, -1.0]);
        assert_eq!((x * y).partials, [0.6, 1.7]);
        let quotient = (x / y).partials;
        assert!((quotient[0] - 1.0 / 0.6).abs() < 1e-12);
        assert!((quotient[1] + 1.7 / 0.36).abs() < 1e-12);
        assert_eq!((-x).partials, [-1.0, 0.0]);
        assert_eq!(x.exp().partials, [1.7f64.exp(), 0.0]);
        assert_eq!(x.ln().partials, [1.0 / 1.7, 0.0]);
        let power = x.pow(y).partials;
        assert!((power[0] - 0.6 * 1.7f64.powf(-0.4)).abs() < 1e-12);
        assert!((power[1] - 1.7f64.ln() * 1.7f64.powf(0.6)).abs() < 1e-12);
    }
}
