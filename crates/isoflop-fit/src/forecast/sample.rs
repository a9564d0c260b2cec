//! The measurements that a forecast stands on.

use serde::{Deserialize, Serialize};

/// Most measurements kept: the process costs their cube, and more of them no longer move it.
pub(crate) const MOST_ROWS: usize = 120;

/// Where a measurement was made, in natural logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Place {
    /// ln N.
    pub n: f64,
    /// ln D.
    pub d: f64,
    /// ln C.
    pub c: f64,
    /// ln (D / U): zero where nothing is repeated.
    pub repeats: f64,
    /// ln Q: zero for the reference text, and where all text is taken for alike.
    #[serde(default)]
    pub quality: f64,
    /// Of which family of models, where several are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
}

/// A family of models, by a number that is its own.
///
/// Models of one family (one architecture, corpus and recipe) turn compute into skill alike, each family
/// in a way of its own (Ruan et al. 2024, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Family(pub u32);

/// A measurement: of ln L, or of whatever scale the metric is modelled on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub at: Place,
    pub y: f64,
    /// Variance of its noise relative to the average measurement's.
    pub noise: f64,
}

/// What measurements were made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Over {
    /// Runs of several sizes and amounts of data.
    #[default]
    Runs,
    /// One quantity alone: a place has ln of it as ln C, and half of that as ln N and ln D.
    Curve,
}

/// Measurements, largest compute first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub rows: Vec<Measured>,
    #[serde(default)]
    pub over: Over,
}

impl Sample {
    /// At most [`MOST_ROWS`] of the measurements, denser where compute is large: small runs say
    /// least about large ones. Which ones depends on the measurements alone.
    pub(crate) fn thinned(mut rows: Vec<Measured>, over: Over) -> Self {
        rows.sort_by(|a, b| {
            let by_compute = b.at.c.total_cmp(&a.at.c);
            by_compute
                .then_with(|| a.at.n.total_cmp(&b.at.n))
                .then_with(|| a.y.total_cmp(&b.y))
        });
        if rows.len() <= MOST_ROWS {
            return Self { rows, over };
        }
        let last = (rows.len() - 1) as f64;
        let place = |k: usize| {
            let share = k as f64 / (MOST_ROWS - 1) as f64;
            (share.powf(1.3) * last).round() as usize
        };
        let mut kept: Vec<usize> = (0..MOST_ROWS).map(place).collect();
        kept.dedup();
        Self {
            rows: kept.into_iter().map(|k| rows[k]).collect(),
            over,
        }
    }

    /// The measurements with at most this ln C, and the others.
    pub(crate) fn cut(&self, c: f64) -> (Self, Self) {
        let (below, above) = self.rows.iter().partition(|row| row.at.c <= c);
        let part = |rows| Self {
            rows,
            over: self.over,
        };
        (part(below), part(above))
    }

    /// The largest ln C.
    pub(crate) fn largest(&self) -> f64 {
        self.rows.first().map_or(0.0, |row| row.at.c)
    }

    /// Whether any run saw tokens more than once.
    pub(crate) fn repeats(&self) -> bool {
        self.rows.iter().any(|row| row.at.repeats > 1e-3)
    }

    /// Whether some runs saw better text than others.
    pub(crate) fn is_graded(&self) -> bool {
        self.rows.iter().any(|row| row.at.quality.abs() > 1e-3)
    }

    /// The families that can be told from noise, in order: none unless there are several, and two
    /// measurements of one.
    pub(crate) fn families(&self) -> Vec<Family> {
        let mut all: Vec<Family> = self.rows.iter().filter_map(|row| row.at.family).collect();
        let known = all.len();
        all.sort_unstable();
        all.dedup();
        if all.len() > 1 && all.len() < known {
            all
        } else {
            Vec::new()
        }
    }

    /// The average place.
    pub(crate) fn centre(&self) -> Place {
        let count = self.rows.len().max(1) as f64;
        let mean =
            |of: fn(&Place) -> f64| self.rows.iter().map(|row| of(&row.at)).sum::<f64>() / count;
        Place {
            n: mean(|at| at.n),
            d: mean(|at| at.d),
            c: mean(|at| at.c),
            repeats: 0.0,
            quality: 0.0,
            family: None,
        }
    }

    /// The median of what was measured.
    pub(crate) fn median(&self) -> f64 {
        let mut all: Vec<f64> = self.rows.iter().map(|row| row.y).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    }
}
