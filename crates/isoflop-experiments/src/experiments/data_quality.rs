//! The same ladder on clean and on corrupted text, validation always clean, by the law of
//! effective tokens (Subramanyam et al. 2025): L = E + A / N^alpha + B / (D Q^gamma)^beta with Q
//! the share of the tokens that was left as it was.

use super::{basis, options_for, short, with_interval};
use crate::design::{Bench, PlannedRun};
use crate::error::ExperimentError;
use crate::judgement::{Finding, Judgement, Verdict};
use crate::records::{self, Records};
use crate::text::Reading;
use isoflop_fit::{FitError, FitOptions, FittedLaw, Objective};
use isoflop_laws::laws::DataQuality;
use isoflop_laws::{LossSurface, ParamCount, Quality};
use isoflop_report::{CurveLook, CurveSeries, CurvesAxis, CurvesFigure, CurvesPanel};
use isoflop_runs::Run;

/// Shares of the tokens that are replaced.
const CORRUPTED: [f64; 3] = [0.0, 0.2, 0.5];

const SIZES: [usize; 3] = [16, 24, 40];

/// Lengths as shares of the longest.
const LENGTHS: [f64; 3] = [0.25, 0.5, 1.0];

/// The longest run at scale 1, tokens.
const SMALLEST: f64 = 164_000.0;

/// Position of gamma among the law's parameters.
const GAMMA: usize = 5;

/// More of the worst text makes up for its quality by less than doubling, above this worth.
const HALF: f64 = 0.5;

/// A worth that no number of tokens makes up for.
const WORTHLESS: f64 = 0.002;

/// Runs further from the law than this, in the root of the mean square of ln L, are not on it.
const MOST_SPREAD: f64 = 0.02;

pub(super) fn runs(bench: &Bench, scale: f64) -> Vec<PlannedRun> {
    let mut runs: Vec<PlannedRun> = Vec::new();
    for share in CORRUPTED {
        for width in SIZES {
            for length in LENGTHS {
                let mut run = bench.run(runs.len() as u64, width, SMALLEST * scale * length);
                if share > 0.0 {
                    run.reading = Reading::Corrupted(share);
                }
                run.name = format!("q{:.0}-{}", 100.0 * (1.0 - share), run.name);
                runs.push(run);
            }
        }
    }
    runs
}

pub(super) fn judge(records: &Records) -> Result<Judgement, ExperimentError> {
    let rows = &records.rows;
    let data = records.dataset(ParamCount::Total)?;
    let options = FitOptions {
        // Runs of one recipe on one text err alike.
        objective: Objective::LeastSquares,
        ..options_for(FittedLaw::DataQuality, records)
    };
    let fit = isoflop_fit::fit(&data, &options)?;
    let gamma = &fit.parameters[GAMMA];
    let values: Vec<f64> = fit.parameters.iter().map(|p| p.value).collect();
    let law = DataQuality::from_values(&values).map_err(FitError::from)?;
    let worst = rows.iter().map(records::quality).fold(1.0, f64::min);
    let worth = worst.powf(gamma.value);
    // Text that is worse is worth less, the larger the exponent.
    let ends = gamma.hi.zip(gamma.lo);
    let ends = ends.map(|(hi, lo)| (worst.powf(hi), worst.powf(lo)));
    let ends = ends.unwrap_or((0.0, f64::INFINITY));
    let errors = fit.errors(&data).unwrap_or_default();
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    let spread = (squares / errors.len() as f64).sqrt();
    let twice = twice_the_worst(rows, worst);
    let mut findings = vec![
        Finding::new("gamma, exponent of the quality", gamma.value, "").within(
            gamma
                .lo
                .zip(gamma.hi)
                .unwrap_or((f64::NEG_INFINITY, f64::INFINITY)),
        ),
        Finding::new(
            format!(
                "worth of a token with {:.0} % replaced",
                100.0 * (1.0 - worst)
            ),
            worth,
            "clean tokens",
        )
        .within(ends),
        Finding::new("spread of runs about the law", spread, "of ln L"),
    ];
    // The exponent is then at the end of the range in which it is sought.
    let is_worthless = worth < WORTHLESS;
    let said = match is_worthless {
        true => format!("less than {}", short(ends.1.max(WORTHLESS))),
        false => with_interval(worth, ends),
    };
    let mut sentence = format!(
        "A token of text with {:.0} % replaced is worth {said} clean ones; the claim asks that twice \
         as much of it does not make up, a worth below {HALF}.",
        100.0 * (1.0 - worst)
    );
    if let Some((least, most)) = twice {
        findings.push(Finding::new(
            "loss on twice the worst text less that on clean",
            least,
            "nats, least",
        ));
        sentence += &format!(
            " Twice the tokens of it end {} to {} nats above clean text at the same sizes.",
            short(least),
            short(most)
        );
    }
    let warnings = (spread > MOST_SPREAD || is_worthless).then(|| {
        format!(
            "the law of effective tokens leaves {:.1} % of the loss unexplained: corruption also adds \
             a loss that no data remove, and gamma has to stand for that too",
            spread * 100.0
        )
    });
    Ok(Judgement {
        verdict: Verdict::at_most(ends, HALF),
        sentence,
        findings,
        law: "data-quality: L = E + A / N^alpha + B / (D Q^gamma)^beta, Q the share left as it was"
            .to_owned(),
        param_count: ParamCount::Total,
        n_used: rows.len(),
        figures: vec![figure(records, &law)?.render()?],
        warnings: warnings.into_iter().collect(),
    })
}

/// Least and most by which the loss of a run on twice the tokens of the worst text exceeds that of
/// a run of the same size on clean text.
fn twice_the_worst(rows: &[Run], worst: f64) -> Option<(f64, f64)> {
    let mut off = Vec::new();
    for clean in rows.iter().filter(|row| records::quality(row) >= 1.0) {
        let twice = rows.iter().find(|row| {
            let ratio = records::tokens(row) / records::tokens(clean);
            records::quality(row) <= worst
                && row.params == clean.params
                && (ratio / 2.0 - 1.0).abs() < 0.05
        });
        off.extend(twice.map(|twice| records::loss(twice) - records::loss(clean)));
    }
    let least = off.iter().copied().reduce(f64::min)?;
    Some((least, off.iter().copied().fold(f64::MIN, f64::max)))
}

fn figure(records: &Records, law: &DataQuality) -> Result<CurvesFigure, ExperimentError> {
    let fitted = |row: &Run| -> Option<f64> {
        let here = law.with_quality(Quality::new(records::quality(row)).ok()?);
        Some(here.loss(row.params?, row.tokens?).ok()?.get())
    };
    let largest = records.rows.iter().map(records::params).fold(0.0, f64::max);
    let mut series = Vec::new();
    for (rank, share) in CORRUPTED.iter().enumerate() {
        let own = records.rows.iter().filter(|row| {
            records::params(row) >= largest && (records::corrupted_share(row) - share).abs() < 1e-9
        });
        let own: Vec<&Run> = own.collect();
        let place = |row: &&Run| (records::tokens(row), records::loss(row)).into();
        series.push(CurveSeries {
            label: format!("{:.0} % replaced", share * 100.0),
            look: CurveLook::Points,
            rank,
            places: own.iter().map(place).collect(),
        });
        let curve = own
            .iter()
            .filter_map(|row| Some((records::tokens(row), fitted(row)?).into()));
        series.push(CurveSeries {
            label: String::new(),
            look: CurveLook::Law,
            rank,
            places: curve.collect(),
        });
    }
    Ok(CurvesFigure {
        name: "data-quality",
        title: "More data help only if they are good".to_owned(),
        finding: format!("Fitted exponent of the quality: {}.", short(law.gamma)),
        panels: vec![CurvesPanel {
            caption: String::new(),
            x: CurvesAxis::log("Tokens seen D"),
            y: CurvesAxis::log("Loss on clean text (nats per token)"),
            series,
        }],
        conventions: basis(
            &format!("The largest size, N = {largest:.0}; dashed: the law of effective tokens"),
            records,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::simulated::records;
    use isoflop_train::Recipe;

    fn planned() -> Vec<PlannedRun> {
        let recipe = Recipe::default();
        runs(&Bench { recipe, seed: 0 }, 8.0)
    }

    fn source(gamma: f64) -> impl Fn(&Run) -> f64 {
        move |row| {
            let effective = records::tokens(row) * records::quality(row).powf(gamma);
            1.5 + (2e4 / records::params(row)).powf(0.4) + (1e6 / effective).powf(0.35)
        }
    }

    #[test]
    fn recovers_gamma_and_holds_where_quality_counts() {
        let said = judge(&records(&planned(), 0.001, 6, source(2.0))).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        assert!(
            (said.findings[0].value - 2.0).abs() < 0.15,
            "{:?}",
            said.findings
        );
    }

    #[test]
    fn text_that_no_amount_of_makes_up_for_is_called_that_and_not_a_number() {
        // Data help little, and corruption adds what they do not remove.
        let adds = |row: &Run| {
            let of_data = (1e6 / records::tokens(row)).powf(0.1);
            2.0 + (2e4 / records::params(row)).powf(0.4)
                + of_data
                + 3.0 * (1.0 - records::quality(row))
        };
        let said = judge(&records(&planned(), 0.001, 6, adds)).unwrap();
        assert_eq!(said.verdict, Verdict::Held, "{}", said.sentence);
        assert!(
            said.sentence.contains("worth less than 0.0"),
            "{}",
            said.sentence
        );
        assert!(
            said.warnings[0].contains("no data remove"),
            "{:?}",
            said.warnings
        );
    }

    #[test]
    fn does_not_hold_where_corruption_does_no_harm() {
        let said = judge(&records(&planned(), 0.001, 6, source(0.0))).unwrap();
        assert_eq!(said.verdict, Verdict::DidNotHold, "{}", said.sentence);
        assert!(said.findings[0].value.abs() < 0.1);
    }
}
