//! N_opt(C) and D_opt(C) with the measured optima: Hoffmann et al. (2022), figure 3, centre and
//! right (approach 2).

use super::allocation::{AllocationLine, AllocationPoint, Allocations, Side};
use super::axis::scientific;
use super::canvas::{Frame, draw};
use super::{Figure, FigureError, Layout, finished, need};
use isoflop_laws::Flops;

/// The best size and data by compute.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimumFigure {
    /// Heading.
    pub title: String,
    /// Optima that were measured at single budgets.
    pub minima: Vec<AllocationPoint>,
    /// What the minima are, such as `Minima of the valleys`.
    pub minima_label: String,
    /// The fitted line, up to the target.
    pub line: AllocationLine,
    /// The answer for the budget in question.
    pub target: Option<AllocationPoint>,
    /// Exponent of N_opt in C and its interval, where known.
    pub exponent: (f64, Option<(f64, f64)>),
    /// Level of the intervals.
    pub level: f64,
    /// Largest compute of a run.
    pub largest: Option<Flops>,
    /// The conventions.
    pub conventions: String,
}

const SIZE: (f64, f64) = (900.0, 440.0);

impl OptimumFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a line.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("optimum", "points of the line", 2, self.line.points.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Best model size and best training data against compute. {}",
            self.finding()
        );
        let what = Allocations {
            own: &self.line,
            others: &[],
            points: &self.minima,
            points_label: &self.minima_label,
            target: self.target,
            largest: self.largest,
        };
        let drawing = draw(
            layout,
            SIZE,
            &[1.0, 1.0],
            &frame,
            &description,
            |k, area| what.draw(Side::of(k), area),
        )?;
        Ok(finished(
            "optimum",
            frame,
            description,
            drawing,
            what.csv()?,
        ))
    }

    fn finding(&self) -> String {
        let (a, interval) = self.exponent;
        let sure = interval.map_or(String::new(), |(low, high)| {
            format!(
                " ({:.0} % interval {low:.2} to {high:.2})",
                self.level * 100.0
            )
        });
        let mut text = format!(
            "The best size grows as compute to the power {a:.2}{sure}: ten times the compute wants {:.1} times the size and \
             {:.1} times the data.",
            10f64.powf(a),
            10f64.powf(1.0 - a)
        );
        if let Some(target) = &self.target {
            text += &format!(
                " At {} FLOPs: N = {}, D = {}.",
                scientific(target.flops.get()),
                target.params,
                target.tokens
            );
        }
        text
    }
}
