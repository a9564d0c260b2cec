//! Runs together say what each says alone, and teach what was announced.

use super::*;
use crate::{Dataset, FitOptions, Observation, fit};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};

fn run(n: f64, d: f64, ln_loss: f64, cluster: usize) -> Observation {
    let (params, tokens) = (Params::new(n).unwrap(), Tokens::new(d).unwrap());
    Observation {
        params,
        tokens,
        unique_tokens: None,
        quality: None,
        flops: Flops::six_nd(params, tokens),
        loss: Loss::new(ln_loss.exp()).unwrap(),
        loss_std: None,
        cluster,
    }
}

/// `sizes` sizes about 20 tokens a parameter at each of these budgets.
fn grid(budgets: &[f64], sizes: usize) -> Vec<(f64, f64)> {
    let at = |c: f64, k: usize| {
        let n = (c / 120.0).sqrt() * 3f64.powf(2.0 * k as f64 / (sizes - 1) as f64 - 1.0);
        (n, c / (6.0 * n))
    };
    let each = budgets.iter();
    each.flat_map(|&c| (0..sizes).map(move |k| at(c, k)))
        .collect()
}

/// Runs on the surface of Besiroglu et al. 2024 with noise of 0.3 %.
fn ladder(seed: u64) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let points = grid(&[1e17, 5e17, 2e18, 1e19], 6);
    let runs = points.iter().enumerate().map(|(k, &(n, d))| {
        let loss = 1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658);
        let noise: f64 = random.sample(StandardNormal);
        run(n, d, loss.ln() + 0.003 * noise, k)
    });
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations: runs.collect(),
    }
}

fn auto(data: &Dataset) -> Fit {
    let options = FitOptions {
        bootstraps: 0,
        ..FitOptions::default()
    };
    fit(data, &options).unwrap()
}

fn at((n, d): (f64, f64)) -> ForecastAt {
    ForecastAt {
        params: Params::new(n).ok(),
        tokens: Tokens::new(d).ok(),
        ..ForecastAt::default()
    }
}

#[test]
fn intervals_come_to_be_as_wide_as_announced_where_the_model_is_the_truth() {
    let (mut announced, mut came) = (0.0, 0.0);
    for seed in 0..3 {
        let data = ladder(seed);
        let points = [grid(&[1e21], 3)[1..2].to_vec(), grid(&[3e19], 3)].concat();
        let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
        let joint = auto(&data).joint(&places, 0.9).unwrap();
        let runs = [1, 2, 3];
        let now = joint.reach(0).unwrap();
        let expected = joint.expected_reach(0, &runs).unwrap();
        assert!(expected < 0.9 * now, "{expected} {now}");
        let lessons = joint.lessons(0, &runs).unwrap();
        for draw in (0..OUTCOMES).step_by(OUTCOMES / 12).skip(1).step_by(2) {
            let mut more = data.clone();
            let outcome = joint.outcome(&lessons, draw);
            for (&(n, d), ln_loss) in points[1..].iter().zip(outcome) {
                let cluster = more.observations.len();
                more.observations.push(run(n, d, ln_loss, cluster));
            }
            announced += expected;
            came += auto(&more)
                .joint(&places[..1], 0.9)
                .unwrap()
                .reach(0)
                .unwrap();
        }
    }
    let ratio = came / announced;
    assert!((0.85..1.15).contains(&ratio), "{ratio}");
}

#[test]
fn each_place_reaches_as_far_as_its_own_forecast() {
    let fitted = auto(&ladder(4));
    let points = grid(&[1e16, 1e19, 1e21, 1e23], 3);
    let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
    let joint = fitted.joint(&places, 0.8).unwrap();
    for (k, place) in places.iter().enumerate() {
        let said = fitted.forecast(place, 0.8).unwrap();
        assert!((joint.means()[k].exp() / said.loss.get() - 1.0).abs() < 1e-12);
        let width = (said.hi.get() / said.lo.get()).ln();
        assert!(
            (2.0 * joint.reach(k).unwrap() / width - 1.0).abs() < 1e-9,
            "{k}"
        );
    }
    let refused = fitted.joint(&places, 1.0);
    assert_eq!(refused, Err(ForecastError::Level(1.0)));
    let incomplete = [ForecastAt::default()];
    let refused = fitted.joint(&incomplete, 0.9);
    assert!(matches!(refused, Err(ForecastError::Incomplete { .. })));
}

#[test]
fn runs_at_the_place_itself_leave_its_noise_and_no_runs_change_nothing() {
    let fitted = auto(&ladder(5));
    let points = [grid(&[1e21], 3)[1], grid(&[1e17], 3)[1]];
    let joint = fitted.joint(&points.map(at), 0.9).unwrap();
    assert_eq!(joint.expected_reach(0, &[]), joint.reach(0));
    assert_eq!(joint.reach(2), None);
    assert_eq!(joint.expected_reach(0, &[2]), None);
    assert_eq!(joint.parts(2, 5), []);
    let noise = 0.002;
    let joint = joint.with_noise(noise);
    assert!((joint.noise() / noise - 1.0).abs() < 1e-12);
    let left = joint.expected_reach(0, &[0; 60]).unwrap() / joint.quantile;
    assert!((left / noise - 1.0).abs() < 0.1, "{left}");
    let far = joint.expected_reach(0, &[1]).unwrap();
    let near = joint.expected_reach(0, &[0]).unwrap();
    assert!(
        near < far && far < 1.02 * joint.reach(0).unwrap(),
        "{near} {far}"
    );
    // Without noise, and twice the same.
    let sure = joint.with_noise(0.0).expected_reach(0, &[0, 0]).unwrap();
    assert!(sure.is_finite() && sure < 0.1 * near, "{sure}");
}

#[test]
fn parts_are_covariances_and_sorted_by_what_they_leave_open() {
    let fitted = auto(&ladder(6));
    let points = grid(&[1e17, 1e19, 1e21], 3);
    let places: Vec<ForecastAt> = points.iter().map(|&point| at(point)).collect();
    let joint = fitted.joint(&places, 0.9).unwrap();
    let size = places.len();
    let parts = joint.parts(7, 5);
    assert!((3..=5).contains(&parts.len()));
    let mut last = 0.0;
    for part in &parts {
        let cell = |i: usize, j: usize| part.covariance[i * size + j];
        assert!(part.noise_variance > 0.0 && cell(7, 7) > last);
        last = cell(7, 7);
        for i in 0..size {
            for j in 0..i {
                assert!((cell(i, j) - cell(j, i)).abs() <= 1e-15);
            }
        }
        let mut full = part.covariance.clone();
        (0..size).for_each(|i| full[i * size + i] += JITTER);
        assert!(Cholesky::of(full, size).is_some());
    }
    assert_eq!(joint.parts(7, 0), joint.parts(7, 1));
}
