//! Ladders that add runs while results come, within a spending limit.
//!
//! `SWEEP_KILLS=50 cargo test --workspace --test sweep_adaptive -- --nocapture kill` is the longer
//! harness.

mod sweeps;

use isoflop_sweep::ROUND_FAILPOINTS;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::time::Duration;
use sweeps::{Sweep, assert_forecast_holds, assert_whole, number};

fn ladder(seconds: f64) -> Sweep {
    Sweep::adaptive(seconds, "parallel = 2")
}

#[test]
fn an_adaptive_ladder_forecasts_the_truth_and_keeps_to_its_limit() {
    let sweep = ladder(0.0);
    let output = sweep.finish();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    println!("{said}");
    assert!(
        said.contains("Runs were added") && said.contains("No more are added"),
        "{said}"
    );
    assert_whole(&sweep);
    assert_eq!(sweep.processes(), BTreeSet::new(), "orphans");
    let before = sweep.status();
    assert_forecast_holds(&sweep);
    // Why each was added stands beside it.
    let added = std::fs::read_to_string(sweep.root().join("added.toml")).unwrap();
    assert!(
        added.contains("results the 90 % interval of the loss at 1.00e20 FLOPs is"),
        "{added}"
    );
    // Nothing is left to do: the same command changes nothing.
    assert!(sweep.finish().status.success());
    assert_eq!(sweep.status()["runs"], before["runs"]);
    // With a larger limit it goes on.
    let plan = sweep.root().with_file_name("plan.toml");
    let text = std::fs::read_to_string(&plan).unwrap();
    assert!(text.contains("spend_flops = 1e18"), "{text}");
    let text = text.replace("spend_flops = 1e18", "spend_flops = 1e19");
    std::fs::write(
        &plan,
        text.replace("until_width = 0.02", "until_width = 0.0"),
    )
    .unwrap();
    assert!(sweep.finish().status.success());
    let more = sweep.status()["runs"].as_array().unwrap().len();
    assert!(more > before["runs"].as_array().unwrap().len(), "{more}");
}

#[test]
fn kills_at_any_instant_make_no_run_twice_and_spend_nothing_twice() {
    let kills = number("SWEEP_KILLS", 12);
    let sweep = ladder(1.0);
    let mut random = rand::rngs::StdRng::seed_from_u64(3);
    let mut killed = 0;
    for failpoint in ROUND_FAILPOINTS {
        let mut controller = sweep.start(&[("ISOFLOP_FAILPOINT", failpoint)]);
        assert!(
            !controller.wait().unwrap().success(),
            "{failpoint} was not passed"
        );
    }
    while killed < kills {
        let mut controller = sweep.start(&[]);
        std::thread::sleep(Duration::from_secs_f64(random.random_range(0.0..2.0)));
        if controller.try_wait().unwrap().is_some() {
            break;
        }
        controller.kill().unwrap();
        controller.wait().unwrap();
        killed += 1;
    }
    assert!(sweep.finish().status.success());
    assert_whole(&sweep);
    assert_eq!(sweep.processes(), BTreeSet::new(), "orphans");
    println!(
        "{killed} kills at random instants and {} at failpoints: {} runs made once each, {} times added",
        ROUND_FAILPOINTS.len(),
        sweep.starts(),
        sweep.status()["adaptive"]["rounds"]
            .as_array()
            .unwrap()
            .len()
    );
    assert!(
        killed * 2 >= kills,
        "only {killed} kills fell into the sweep"
    );
}

#[test]
fn a_plan_that_adds_runs_without_a_limit_is_refused() {
    let sweep = ladder(0.0);
    let plan = sweep.root().with_file_name("plan.toml");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("spend_flops", "# spend_flops")).unwrap();
    let output = sweep.finish();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("limits.spend_flops"), "{said}");
    std::fs::write(
        &plan,
        text.replace("spend_flops = 1e18", "spend_flops = 1e20"),
    )
    .unwrap();
    let output = sweep.finish();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("would pay for the run"), "{said}");
}
