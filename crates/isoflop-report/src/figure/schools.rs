//! How OpenAI's rule, DeepMind's rule and the reader's own runs share a budget between size and
//! data (Kaplan et al. 2020, section 6; Hoffmann et al. 2022, figure 1).

use super::allocation::{AllocationLine, AllocationPoint, Allocations, Side};
use super::axis::scientific;
use super::canvas::{Frame, draw};
use super::{Figure, FigureError, Layout, finished, need};
use isoflop_laws::Flops;

/// The schools beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct SchoolsFigure {
    /// Heading.
    pub title: String,
    /// What the reader's runs say.
    pub own: AllocationLine,
    /// What the schools say.
    pub schools: Vec<AllocationLine>,
    /// The reader's answer for the budget in question.
    pub target: Option<AllocationPoint>,
    /// Largest compute of a run.
    pub largest: Option<Flops>,
    /// The conventions, and which lines count N otherwise.
    pub conventions: String,
}

const SIZE: (f64, f64) = (900.0, 460.0);

impl SchoolsFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without lines.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        need("schools", "points of your line", 2, self.own.points.len())?;
        need("schools", "schools", 1, self.schools.len())?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Best model size and training data against compute by {} rules. {}",
            self.schools.len() + 1,
            self.finding()
        );
        let what = Allocations {
            own: &self.own,
            others: &self.schools,
            points: &[],
            points_label: "",
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
            "schools",
            frame,
            description,
            drawing,
            what.csv()?,
        ))
    }

    /// What each would train at the budget.
    fn finding(&self) -> String {
        let Some(target) = &self.target else {
            return String::new();
        };
        let own = format!("your runs {} on {}", target.params, target.tokens);
        let schools = self.schools.iter().filter_map(|line| {
            let nearest = line.points.iter().min_by(|a, b| {
                let off = |p: &AllocationPoint| (p.flops.ln() - target.flops.ln()).abs();
                off(a).total_cmp(&off(b))
            })?;
            Some(format!(
                "{} {} on {}",
                line.name, nearest.params, nearest.tokens
            ))
        });
        let all: Vec<String> = std::iter::once(own).chain(schools).collect();
        format!(
            "At {} FLOPs (N on D): {}.",
            scientific(target.flops.get()),
            all.join("; ")
        )
    }
}
