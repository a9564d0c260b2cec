//! A target on the axis of relative compute: what was predicted of it and what came.

use super::FigureError;
use super::canvas::{Marker, Panel};
use super::style::{GREEN, VERMILION};

/// A prediction at relative compute 1, in the units of the panel.
pub(super) struct Target<'a> {
    /// Predicted value.
    pub value: f64,
    /// Ends of its interval.
    pub interval: (f64, f64),
    /// Level of the interval, such as 0.9.
    pub level: f64,
    /// What came, once it is known.
    pub actual: Option<f64>,
    /// What the legend calls it.
    pub actual_label: &'a str,
}

impl Target<'_> {
    /// Draws the interval, the prediction in it, and what came as a ring around its place.
    pub(super) fn draw(&self, panel: &mut Panel<'_, '_>) -> Result<(), FigureError> {
        panel.interval(1.0, self.interval, VERMILION)?;
        let label = format!("Prediction, {:.0} % interval", self.level * 100.0);
        let place = [(1.0, self.value)];
        panel.points(&place, Marker::Diamond, 5.0, VERMILION, &label)?;
        let Some(actual) = self.actual else {
            return Ok(());
        };
        let place = [(1.0, actual)];
        panel.points(&place, Marker::Ring, 6.5, GREEN, self.actual_label)
    }
}
