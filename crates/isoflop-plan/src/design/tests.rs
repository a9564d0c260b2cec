//! Ladders within their budgets, and what they do to the interval.

use super::*;
use isoflop_laws::find;

fn law(name: &str) -> Box<dyn Law> {
    find(name).unwrap().law().unwrap().unwrap()
}

fn request() -> DesignRequest {
    DesignRequest {
        target: "1e23".parse().unwrap(),
        budget: "1e21".parse().unwrap(),
        max_run: None,
        max_runs: 24,
        target_size: None,
        existing: vec![],
        noise: None,
        level: 0.9,
    }
}

fn by_two_laws(request: &DesignRequest) -> Result<Design, DesignError> {
    let laws = [law("besiroglu-2024"), law("hoffmann-2022")];
    design(&[laws[0].as_ref(), laws[1].as_ref()], request)
}

#[test]
fn a_first_ladder_is_designed_from_nothing_within_its_budget() {
    let found = by_two_laws(&request()).unwrap();
    assert!(found.cost_flops.get() <= 1e21 * 1.000_001);
    assert!(
        found.cost_flops.get() > 0.5e21,
        "money left over helps nobody"
    );
    assert!(found.runs.len() >= 8 && found.runs.len() <= 24);
    assert!(found.interval_after < 0.2 * found.interval_before);
}

#[test]
fn a_fifth_of_the_compute_says_as_much_of_the_target_as_the_usual_grid() {
    let besiroglu = law("besiroglu-2024");
    let surface = crate::law_in_use::surface_of(besiroglu.as_ref());
    let (from, to) = ("1e18".parse().unwrap(), "1e20".parse().unwrap());
    let grid = crate::IsoflopGrid::spaced(from, to, 5, 9, 8.0).unwrap();
    let grid = grid.points(&surface).unwrap();
    let cost: f64 = grid.iter().map(|&(n, d)| Flops::six_nd(n, d).get()).sum();
    let asked = DesignRequest {
        target: "1e22".parse().unwrap(),
        budget: Flops::new(cost / 5.0).unwrap(),
        max_run: Some(to),
        max_runs: grid.len(),
        ..request()
    };
    let by_grid = DesignRequest {
        existing: grid,
        ..asked.clone()
    };
    let designed = by_two_laws(&asked).unwrap().interval_after;
    let usual = by_two_laws(&by_grid).unwrap().interval_before;
    assert!(designed < 1.05 * usual, "{designed} {usual}");
}

#[test]
fn more_money_never_widens_the_interval() {
    let mut last = f64::INFINITY;
    for budget in ["1e20", "1e21", "1e22"] {
        let asked = DesignRequest {
            budget: budget.parse().unwrap(),
            ..request()
        };
        let after = by_two_laws(&asked).unwrap().interval_after;
        assert!(after < last);
        last = after;
    }
}

#[test]
fn existing_runs_count() {
    let first = by_two_laws(&request()).unwrap();
    let existing = first.runs.iter().map(|run| (run.params, run.tokens));
    let asked = DesignRequest {
        existing: existing.collect(),
        ..request()
    };
    let second = by_two_laws(&asked).unwrap();
    assert!((second.interval_before / first.interval_after - 1.0).abs() < 1e-6);
    assert!(second.interval_after < second.interval_before);
}

#[test]
fn no_run_costs_more_than_it_may() {
    let asked = DesignRequest {
        max_run: "1e20".parse().ok(),
        ..request()
    };
    let found = by_two_laws(&asked).unwrap();
    assert!(
        found
            .runs
            .iter()
            .all(|run| run.flops.get() <= 1e20 * 1.000_001)
    );
    assert!((found.extrapolation - 1000.0).abs() < 1e-6);
}

#[test]
fn a_budget_that_pays_for_the_target_needs_no_design() {
    let asked = DesignRequest {
        budget: "1e23".parse().unwrap(),
        ..request()
    };
    assert!(matches!(
        by_two_laws(&asked),
        Err(DesignError::TargetAffordable { .. })
    ));
    assert_eq!(design(&[], &request()), Err(DesignError::NoLaw));
}

#[test]
fn the_quantiles_are_those_of_the_normal_distribution() {
    for (level, quantile) in [(0.5, 0.6745), (0.9, 1.6449), (0.95, 1.9600), (0.99, 2.5758)] {
        assert!((normal_quantile(level) - quantile).abs() < 5e-4);
    }
}
