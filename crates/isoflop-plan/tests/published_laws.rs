//! Decisions by published laws: the rules, the diagnosis and the cost of serving say what the
//! catalogue of laws says.

use isoflop_laws::laws::{Chinchilla, Served};
use isoflop_laws::{Flops, LossSurface, Tokens, find};
use isoflop_plan::{
    ALLOCATION_RULES, Given, KNOWN_MODELS, LawInUse, SurfacePoint, Verdict, cheapest_to_serve,
    diagnose, known_model, optimum,
};

fn flops(value: f64) -> Flops {
    Flops::new(value).unwrap()
}

#[test]
fn every_rule_is_the_law_of_the_catalogue_that_it_is_drawn_from() {
    for (rule, law) in [
        ("kaplan-2020", "kaplan-2020-optimum"),
        ("20-tokens", "twenty-tokens"),
        ("hoffmann-2022-approach-1", "hoffmann-2022-envelope"),
        ("hoffmann-2022-approach-2", "hoffmann-2022-isoflop"),
        ("besiroglu-2024", "besiroglu-2024"),
    ] {
        let rule = ALLOCATION_RULES.iter().find(|r| r.name == rule).unwrap();
        let entry = find(law).unwrap();
        let law = entry.law().unwrap().unwrap();
        for budget in [1e19, 5.76e23, 1e27] {
            let share = rule.share(Given::Flops(flops(budget))).unwrap();
            let best = law.best_allocation().unwrap().best(flops(budget)).unwrap();
            let ratio = share.params.get() / best.params.get();
            assert!(
                (ratio - 1.0).abs() < 2e-3,
                "{} {budget:e}: {ratio}",
                rule.name
            );
        }
        assert_eq!(entry.counts().unwrap().params, Some(rule.param_count));
    }
}

#[test]
fn the_printed_constants_of_approach_3_contradict_the_rule_of_the_same_paper() {
    // Tokens a parameter at 5.76e23 FLOPs: printed digits, all digits, the refit.
    for (name, expected) in [
        ("hoffmann-2022-printed", 92.6),
        ("hoffmann-2022", 58.9),
        ("besiroglu-2024", 18.4),
    ] {
        let law = LawInUse::published(name).unwrap();
        let best = optimum(&law.surface(), flops(5.76e23)).unwrap();
        let ratio = best.tokens.get() / best.params.get();
        assert!((ratio / expected - 1.0).abs() < 2e-3, "{name}: {ratio}");
    }
}

#[test]
fn the_models_before_chinchilla_were_too_large_and_those_of_today_are_over_trained() {
    let law = LawInUse::published("besiroglu-2024").unwrap();
    let verdict = |name: &str| {
        let model = known_model(name).unwrap();
        let (params, tokens) = (model.params().unwrap(), model.tokens().unwrap());
        diagnose(&law.surface(), params, tokens).unwrap().verdict
    };
    for name in [
        "GPT-3",
        "Jurassic-1",
        "Gopher",
        "LaMDA",
        "MT-NLG-530B",
        "OPT-175B",
        "PaLM-540B",
    ] {
        assert_eq!(verdict(name), Verdict::OverParameterised, "{name}");
    }
    for name in ["Chinchilla", "Cerebras-GPT-13B"] {
        assert_eq!(verdict(name), Verdict::Balanced, "{name}");
    }
    for name in [
        "LLaMA-7B",
        "Llama-2-7B",
        "Llama-3-8B",
        "Llama-3-70B",
        "Gemma-2-27B",
    ] {
        assert_eq!(verdict(name), Verdict::OverTrained, "{name}");
    }
    assert!(KNOWN_MODELS.len() >= 25);
}

#[test]
fn serving_costs_the_same_by_the_general_search_and_by_the_law_of_the_catalogue() {
    let surface = Chinchilla::BESIROGLU_2024;
    let best = surface.optimum(flops(1e23)).unwrap();
    let loss = surface.loss(best.params, best.tokens).unwrap();
    let reference = SurfacePoint {
        params: best.params,
        tokens: best.tokens,
        flops: best.flops,
        loss,
    };
    for served in [1e11, 2e12, 5e13] {
        let served = Tokens::new(served).unwrap();
        let law = LawInUse::published("besiroglu-2024").unwrap();
        let searched = cheapest_to_serve(&law.surface(), &reference, served).unwrap();
        let solved = Served::from(surface).cheapest(loss, served).unwrap();
        let cost = searched.total_flops.get() / solved.flops.get();
        assert!((cost - 1.0).abs() < 1e-6, "{cost}");
        let size = searched.model.params.get() / solved.params.get();
        assert!((size - 1.0).abs() < 1e-3, "{size}");
    }
}
