//! Loss against model size at fixed compute, with the parabola and its minimum: Hoffmann et al.
//! (2022), "Training Compute-Optimal Large Language Models", figure 3, left (approach 2).

use super::axis::{Axis, scientific};
use super::canvas::{Frame, Marker, PanelArea, Stroke, draw};
use super::style::{VERMILION, ordered};
use super::{Figure, FigureError, Layout, LossUnit, RunPoint, csv_text, finished, need};
use isoflop_laws::{Flops, Loss, Params};
use plotters::chart::SeriesLabelPosition;

/// `L(N) = L* + k (ln N − ln N*)²` at one budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parabola {
    /// N*, the size with the least loss.
    pub params: Params,
    /// L*, the least loss.
    pub loss: Loss,
    /// k, in nats per token per squared unit of ln N.
    pub curvature: f64,
}

/// The runs of one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Valley {
    /// The budget C.
    pub flops: Flops,
    /// Runs of about this budget.
    pub runs: Vec<RunPoint>,
    /// The parabola, where the runs bracket a minimum.
    pub parabola: Option<Parabola>,
}

/// Valleys of the loss, one for each budget.
#[derive(Debug, Clone, PartialEq)]
pub struct IsoflopFigure {
    /// Heading.
    pub title: String,
    /// Ordered by budget.
    pub valleys: Vec<Valley>,
    /// The unit of the loss axis.
    pub unit: LossUnit,
    /// The conventions of N and C.
    pub conventions: String,
}

const SIZE: (f64, f64) = (760.0, 480.0);

impl IsoflopFigure {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`FigureError::TooFewPoints`] without a run.
    pub fn render(&self) -> Result<Figure, FigureError> {
        self.render_in(&Layout::default())
    }

    /// Draws the figure in a layout.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn render_in(&self, layout: &Layout) -> Result<Figure, FigureError> {
        let runs = self.valleys.iter().map(|valley| valley.runs.len()).sum();
        need("isoflop", "runs", 1, runs)?;
        let frame = Frame {
            title: self.title.clone(),
            subtitle: self.finding(),
            note: self.conventions.clone(),
        };
        let description = format!(
            "Validation loss against model size, one valley for each compute budget. {}",
            self.finding()
        );
        let drawing = draw(layout, SIZE, &[1.0], &frame, &description, |_, area| {
            self.draw_panel(area)
        })?;
        Ok(finished(
            "isoflop",
            frame,
            description,
            drawing,
            self.csv()?,
        ))
    }

    fn minima(&self) -> Vec<(Flops, Parabola)> {
        let valleys = self.valleys.iter();
        valleys
            .filter_map(|valley| Some((valley.flops, valley.parabola?)))
            .collect()
    }

    fn finding(&self) -> String {
        let minima = self.minima();
        let (Some((c0, first)), Some((c1, last))) = (minima.first(), minima.last()) else {
            return "No budget has runs on both sides of a minimum.".to_owned();
        };
        if minima.len() == 1 {
            return format!(
                "Least loss at N = {} for C = {} FLOPs.",
                first.params,
                scientific(c0.get())
            );
        }
        format!(
            "The best size grows from {} at {} FLOPs to {} at {} FLOPs.",
            first.params,
            scientific(c0.get()),
            last.params,
            scientific(c1.get())
        )
    }

    fn draw_panel(&self, area: &PanelArea<'_, '_>) -> Result<(), FigureError> {
        let runs = || self.valleys.iter().flat_map(|valley| &valley.runs);
        let minima = self.minima();
        let sizes = runs().map(|run| run.params.get());
        let (left, right) = sizes.clone().fold((f64::MAX, 0.0f64), |(low, high), n| {
            (low.min(n), high.max(n))
        });
        // Room on the right for the legend.
        let x = Axis::log(
            sizes.chain([right * (right / left).powf(0.45)]),
            0.05,
            "Model size N (parameters, log scale)",
        );
        let losses = runs().map(|run| run.loss);
        let losses = losses.chain(minima.iter().map(|(_, minimum)| minimum.loss));
        let losses = losses.map(|loss| self.unit.convert(loss));
        let y = Axis::linear(
            losses,
            0.07,
            &format!("Validation loss ({})", self.unit.name()),
        );
        let mut panel = area.axes(None, x, y)?;
        for (k, valley) in self.valleys.iter().enumerate() {
            let color = ordered(k, self.valleys.len());
            if let Some(parabola) = &valley.parabola {
                let curve = self.curve(valley, parabola);
                panel.line(&curve, Stroke::Dashed, 1.4, color, "")?;
            }
            let runs = valley.runs.iter();
            let runs = runs.map(|run| (run.params.get(), self.unit.convert(run.loss), run));
            let label = match in_legend(k, self.valleys.len()) {
                true => format!("C = {} FLOPs", scientific(valley.flops.get())),
                false => String::new(),
            };
            panel.runs(runs, (Marker::Disc, 4.0, color), self.unit, &label)?;
        }
        let minima: Vec<(f64, f64)> = minima
            .iter()
            .map(|(_, minimum)| (minimum.params.get(), self.unit.convert(minimum.loss)))
            .collect();
        if !minima.is_empty() {
            panel.points(
                &minima,
                Marker::Diamond,
                5.2,
                VERMILION,
                "Minimum of the parabola",
            )?;
        }
        panel.legend(SeriesLabelPosition::UpperRight)
    }

    /// The parabola a little beyond the runs.
    fn curve(&self, valley: &Valley, parabola: &Parabola) -> Vec<(f64, f64)> {
        let sizes = valley.runs.iter().map(|run| run.params);
        let sizes = sizes.chain([parabola.params]).map(Params::ln);
        let (low, high) = sizes.fold((f64::MAX, f64::MIN), |(low, high), n| {
            (low.min(n), high.max(n))
        });
        let margin = (high - low) * 0.06;
        let (low, high) = (low - margin, high + margin);
        (0..=80)
            .filter_map(|k| {
                let ln_n = low + (high - low) * f64::from(k) / 80.0;
                let rise = parabola.curvature * (ln_n - parabola.params.ln()).powi(2);
                let loss = Loss::new(parabola.loss.get() + rise).ok()?;
                Some((ln_n.exp(), self.unit.convert(loss)))
            })
            .collect()
    }

    fn csv(&self) -> Result<String, FigureError> {
        let loss = format!("loss_{}", self.unit.column());
        let header = [
            "kind",
            "budget_flops",
            "run",
            "params",
            "tokens",
            "flops",
            &loss,
        ];
        let mut rows = Vec::new();
        for valley in &self.valleys {
            let budget = valley.flops.get().to_string();
            for run in &valley.runs {
                rows.push(vec![
                    "run".to_owned(),
                    budget.clone(),
                    run.run.clone(),
                    run.params.get().to_string(),
                    run.tokens.get().to_string(),
                    run.flops.get().to_string(),
                    self.unit.convert(run.loss).to_string(),
                ]);
            }
            if let Some(minimum) = &valley.parabola {
                let loss = self.unit.convert(minimum.loss).to_string();
                let params = minimum.params.get().to_string();
                let none = String::new;
                rows.push(vec![
                    "minimum".into(),
                    budget,
                    none(),
                    params,
                    none(),
                    none(),
                    loss,
                ]);
            }
        }
        csv_text(&header, &rows)
    }
}

/// Whether the k-th budget is named: at most six of them are, the last among them.
fn in_legend(k: usize, count: usize) -> bool {
    let step = count.saturating_sub(1).div_ceil(5).max(1);
    (count - 1 - k).is_multiple_of(step)
}
