//! Plans whose answer is known, and what is refused.

use super::*;

fn request(given: Given) -> PlanRequest {
    PlanRequest {
        given,
        unique_tokens: None,
        served_tokens: None,
        compare: false,
        vocabulary: 32_000,
        context: 4096,
        stop: false,
    }
}

fn by(name: &str, request: &PlanRequest) -> PlanAnswer {
    plan(&LawInUse::published(name).unwrap(), request).unwrap()
}

fn seven_billion() -> PlanRequest {
    request(Given::Params("7B".parse().unwrap()))
}

#[test]
fn hoffmann_answers_140_billion_tokens_for_seven_billion_and_names_each_approach() {
    let answer = by("hoffmann-2022", &seven_billion());
    let rules: Vec<&str> = answer.plans.iter().map(|plan| plan.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "20-tokens",
            "hoffmann-2022-approach-1",
            "hoffmann-2022-approach-2",
            "hoffmann-2022-approach-3",
            "hoffmann-2022",
        ]
    );
    let tokens: Vec<f64> = answer.plans.iter().map(|p| p.tokens.get() / 1e9).collect();
    let expected = [140.0, 143.0, 151.0, 268.0, 290.0];
    for (found, expected) in tokens.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 0.02, "{tokens:?}");
    }
}

#[test]
fn comparing_sets_both_schools_beside_the_law() {
    let asked = PlanRequest {
        compare: true,
        ..request(Given::Flops("5.76e23".parse().unwrap()))
    };
    let answer = by("besiroglu-2024", &asked);
    assert_eq!(answer.plans[0].rule, "besiroglu-2024");
    let growth = |rule: &str| {
        let plan = answer.plans.iter().find(|plan| plan.rule == rule).unwrap();
        (plan.params_times_ten, plan.tokens_times_ten)
    };
    let near = |found: (f64, f64), n: f64, d: f64| {
        assert!(
            (found.0 - n).abs() < 0.05 && (found.1 - d).abs() < 0.05,
            "{found:?}"
        );
    };
    near(growth("openai"), 5.5, 1.8);
    near(growth("20-tokens"), 3.16, 3.16);
    near(growth("besiroglu-2024"), 3.26, 3.07);
    let openai = answer
        .plans
        .iter()
        .find(|plan| plan.rule == "openai")
        .unwrap();
    assert_eq!(openai.loss, None, "counts of parameters are not mixed");
}

#[test]
fn an_approach_that_states_the_best_size_alone_plans_without_a_loss() {
    let law = |name| LawInUse::published_to_plan_by(name).unwrap();
    for (name, billions) in [
        ("hoffmann-2022-isoflop", 151.0),
        ("hoffmann-2022-envelope", 143.0),
    ] {
        let answer = plan(&law(name), &seven_billion()).unwrap();
        let own = &answer.plans[0];
        assert_eq!(
            (own.rule.as_str(), own.loss, answer.valley),
            (name, None, None)
        );
        assert!((own.params.get() / 7e9 - 1.0).abs() < 1e-9);
        assert!(
            (own.tokens.get() / 1e9 / billions - 1.0).abs() < 0.01,
            "{}",
            own.tokens
        );
        let back = plan(&law(name), &request(Given::Tokens(own.tokens))).unwrap();
        assert!((back.plans[0].params.get() / 7e9 - 1.0).abs() < 1e-9);
    }
    let served = PlanRequest {
        served_tokens: "10T".parse().ok(),
        ..seven_billion()
    };
    let error = plan(&law("hoffmann-2022-isoflop"), &served).unwrap_err();
    assert!(matches!(error, PlanError::NoLoss { .. }), "{error}");
}

#[test]
fn a_fit_of_the_best_size_alone_takes_its_losses_from_the_forecasts() {
    let truth = isoflop_laws::laws::Chinchilla::BESIROGLU_2024;
    let grid = crate::IsoflopGrid {
        budgets: [1e18, 1e19, 1e20].map(|c| Flops::new(c).unwrap()).to_vec(),
        sizes: 9,
        spread: 8.0,
    };
    let surface = crate::law_in_use::surface_of(&truth);
    let data = isoflop_fit::Dataset {
        param_count: ParamCount::Total,
        flop_count: isoflop_laws::FlopCount::SixNd,
        observations: crate::measure(&surface, &grid.points(&surface).unwrap(), 0.002, 3),
    };
    let options = isoflop_fit::FitOptions::of(isoflop_fit::FittedLaw::Isoflop);
    let fit = isoflop_fit::fit(&data, &options).unwrap();
    let (k, a) = (fit.parameters[0].value, fit.parameters[1].value);
    let law = LawInUse::fitted(fit).unwrap();
    let flops = Flops::new(1e21).unwrap();
    let own = &plan(&law, &request(Given::Flops(flops))).unwrap().plans[0];
    let stated = k * 1e21f64.powf(a);
    assert!(
        (own.params.get() / stated - 1.0).abs() < 1e-9,
        "the law's own best size"
    );
    let (lo, hi) = (own.params_lo.unwrap(), own.params_hi.unwrap());
    assert!(lo < own.params && own.params < hi);
    let came = surface.loss(own.params, own.tokens).unwrap();
    assert!(
        own.lo.unwrap() < came && came < own.hi.unwrap(),
        "{own:?} {came}"
    );
}

#[test]
fn every_rule_given_a_budget_spends_it() {
    let asked = PlanRequest {
        compare: true,
        ..request(Given::Flops("1e22".parse().unwrap()))
    };
    for plan in by("besiroglu-2024", &asked).plans {
        let spent = Flops::six_nd(plan.params, plan.tokens).get();
        assert!((spent / 1e22 - 1.0).abs() < 1e-6, "{}", plan.rule);
    }
}

#[test]
fn plausible_laws_give_the_best_size_an_interval() {
    let build = |values: [f64; 5]| {
        let card = isoflop_laws::find("chinchilla").unwrap().card();
        card.law(&values).unwrap()
    };
    let laws = (0..=100).map(|k| {
        let alpha = 0.33 + 0.0004 * f64::from(k);
        build([1.8172, 482.01, 2085.43, alpha, 0.3658])
    });
    let law = LawInUse::published("besiroglu-2024")
        .unwrap()
        .with_plausible(laws.collect());
    let flops: Flops = "1e22".parse().unwrap();
    let answer = plan(&law, &request(Given::Flops(flops))).unwrap();
    let own = &answer.plans[0];
    let (lo, hi) = (own.params_lo.unwrap(), own.params_hi.unwrap());
    assert!(lo < own.params && own.params < hi);
    // The optimum falls with alpha: the ends of the interval are the laws at 5 % and 95 %.
    let size_at = |k: i32| {
        let alpha = 0.33 + 0.0004 * f64::from(k);
        let law = build([1.8172, 482.01, 2085.43, alpha, 0.3658]);
        let surface = crate::law_in_use::surface_of(law.as_ref());
        optimum(&surface, flops).unwrap().params
    };
    let mut ends = [size_at(5), size_at(95)];
    ends.sort_by(|a, b| a.get().total_cmp(&b.get()));
    assert_eq!([lo, hi], ends);
}

#[test]
fn a_ceiling_on_unique_tokens_and_a_serving_load_change_the_answer() {
    let free = by(
        "besiroglu-2024",
        &request(Given::Flops("1e24".parse().unwrap())),
    );
    let bound = PlanRequest {
        unique_tokens: "100B".parse().ok(),
        served_tokens: "10T".parse().ok(),
        ..request(Given::Flops("1e24".parse().unwrap()))
    };
    let bound = by("besiroglu-2024", &bound);
    assert!(bound.plans[0].loss > free.plans[0].loss);
    assert!(bound.served.unwrap().saved_fraction > 0.0);
    assert_eq!(free.served, None);
}

#[test]
fn a_law_of_compute_alone_cannot_share_a_budget_and_says_what_can() {
    let error = LawInUse::published("kaplan-c").unwrap_err().to_string();
    assert!(error.contains("besiroglu-2024"), "{error}");
    let error = LawInUse::published("hofmann-2022").unwrap_err().to_string();
    assert!(error.contains("`hoffmann-2022`"), "{error}");
}

#[test]
fn a_rule_that_is_forecast_better_than_the_laws_own_size_is_named() {
    let asked = PlanRequest {
        compare: true,
        ..request(Given::Flops("5.76e23".parse().unwrap()))
    };
    let said = |tilt: f64| {
        let law = LawInUse::published("besiroglu-2024").unwrap();
        let plain = LawInUse::published("besiroglu-2024").unwrap();
        let law = law.with_forecast(move |params, tokens| {
            // Runs of fewer parameters turn out better than the law has it.
            let loss = plain.surface().loss(params, tokens)?.get();
            let loss = Loss::new(loss * (params.get() / 7e10).powf(tilt)).ok()?;
            Some(crate::SaidLoss {
                loss,
                lo: loss,
                hi: loss,
            })
        });
        plan(&law, &asked).unwrap().warnings
    };
    let disagree = |warnings: &[String]| {
        let found = warnings.iter().find(|text| text.contains("disagree"));
        found.cloned()
    };
    assert_eq!(disagree(&said(0.0)), None);
    let warning = disagree(&said(0.02)).expect("a warning");
    // The smallest of the rules that count all parameters.
    assert!(
        warning.contains("`hoffmann-2022-approach-3` (N = 42"),
        "{warning}"
    );
}
