use super::*;
use crate::architecture::{Architecture, Embeddings, Experts, FeedForward};
use crate::schedule::Decay;

fn parse(text: &str) -> Result<RunSpec, SpecError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.json");
    std::fs::write(&path, text).unwrap();
    RunSpec::read(&path)
}

#[test]
fn a_size_takes_the_nearest_width_and_the_recipe_s_rates() {
    let spec = parse(r#"{"params": 150000, "tokens": 1000000}"#).unwrap();
    let train = spec.train_spec(1024).unwrap();
    let recipe = Recipe::default();
    let distance = |shape: &ModelShape| (shape.params().unwrap().ln() - 150_000_f64.ln()).abs();
    for shape in recipe.family() {
        assert!(distance(&train.shape) <= distance(&shape));
    }
    assert_eq!(train.tokens(), 977 * 1024);
    assert_eq!(train, recipe.spec(train.shape, 977, 0));
}

#[test]
fn everything_that_is_said_is_used() {
    let spec = parse(
        r#"{"schema": "isoflop-run/1", "run": "a", "key": "k", "params": null, "flops": 1e10,
            "tokens": 4096, "batch_tokens": 256, "learning_rate": 0.004, "seed": 9,
            "settings": {"width": 48, "layers": 3, "heads": 4, "context": 32, "warmup": 2,
                         "decay": {"cosine": {"floor": 0.1}}, "beta1": 0.9, "weight_decay": 0}}"#,
    )
    .unwrap();
    let train = spec.train_spec(500).unwrap();
    let shape = train.shape;
    assert_eq!(
        (
            shape.width,
            shape.layers,
            shape.heads,
            shape.context,
            shape.vocabulary
        ),
        (48, 3, 4, 32, 500)
    );
    assert_eq!(
        (train.batch, train.schedule.steps, train.schedule.warmup),
        (8, 16, 2)
    );
    assert_eq!(train.schedule.decay, Decay::Cosine { floor: 0.1 });
    assert_eq!(
        (train.learning_rate, train.beta1, train.weight_decay),
        (0.004, 0.9, 0.0)
    );
    assert_eq!(train.seed, 9);
}

#[test]
fn families_are_said_in_settings() {
    let spec = parse(
        r#"{"params": 1e6, "tokens": 1e5, "settings": {"embeddings": "untied", "feed_forward": "swiglu",
            "kv_heads": 2, "head_width": 16, "aspect_ratio": 24, "experts": {"count": 4, "active": 2}}}"#,
    )
    .unwrap();
    let shape = spec.train_spec(1024).unwrap().shape;
    let said = Architecture {
        embeddings: Embeddings::Untied,
        feed_forward: FeedForward::SwiGlu,
        hidden_width: None,
        kv_heads: Some(2),
        experts: Some(Experts {
            count: 4,
            active: 2,
        }),
    };
    assert_eq!(shape.architecture, said);
    assert_eq!(shape.layers, (shape.width as f64 / 24.0).round() as usize);
    assert_eq!(shape.heads * 16, shape.width);
}

#[test]
fn impossible_models_are_refused_when_the_file_is_read() {
    for (settings, said) in [
        (
            r#""width": 64, "kv_heads": 3"#,
            "3 heads of keys and values can't be shared evenly by 4 heads",
        ),
        (
            r#""kv_heads": 7, "heads": 4"#,
            "7 heads of keys and values can't be shared evenly by 4 heads",
        ),
        (r#""experts": {"count": 4, "active": 5}"#, "5 of 4 experts"),
        (
            r#""experts": {"count": 4, "active": 0}"#,
            "experts.active is 0",
        ),
        (r#""experts": {"count": 4}"#, "missing field `active`"),
        (
            r#""feed_forward": "relu""#,
            "unknown variant `relu`, expected `gelu` or `swiglu`",
        ),
        (r#""embeddings": "both""#, "expected `tied` or `untied`"),
        (r#""width": 50"#, "width 50"),
        (r#""hidden_width": 0"#, "hidden_width is 0"),
        (r#""width": 18446744073709551615"#, "too large"),
        (r#""layers": 1000000000000"#, "too large"),
        (
            r#""width": 1000000, "heads": 1, "layers": 1000000"#,
            "too large",
        ),
        (
            r#""aspect_ratio": 0"#,
            "`aspect_ratio` is 0: expected a positive number",
        ),
        (r#""aspect_ratio": 1e-300"#, "too large"),
        (r#""head_width": 0"#, "`head_width` is 0"),
        (
            r#""head_width": 7"#,
            "`head_width` is 7: expected an even divisor of the width",
        ),
        (
            r#""layers": 2, "aspect_ratio": 32"#,
            "`layers` and `aspect_ratio` are both given",
        ),
        (
            r#""heads": 2, "head_width": 32"#,
            "`heads` and `head_width` are both given",
        ),
        (
            r#""device": "cuda", "kv_heads": 1"#,
            "grouped queries train on the processor only",
        ),
        (
            r#""device": "cuda", "experts": {"count": 4, "active": 1}"#,
            "mixtures of experts train on the processor only",
        ),
    ] {
        let text = format!(r#"{{"params": 1e5, "tokens": 1e5, "settings": {{{settings}}}}}"#);
        let error = parse(&text).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{settings} was taken"));
        assert!(
            error.contains("spec.json") && error.contains(said),
            "{error}"
        );
    }
}

#[test]
fn faults_name_the_file_the_line_and_what_was_expected() {
    for (text, said) in [
        ("", "line 1"),
        (
            "{\"tokens\": 1000}",
            "`params` is not given: expected a number of parameters",
        ),
        ("{\"params\": 1e5}", "missing field `tokens`"),
        ("{\n\"params\": -1,\n\"tokens\": 5}", "line 2"),
        (
            "{\"params\": 1e5, \"tokens\": 1e5, \"settings\": {\"widht\": 3}}",
            "unknown field `widht`",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e5, \"learning_rate\": 0}",
            "`learning_rate` is 0: expected a positive number",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e5, \"schema\": \"other\"}",
            "`isoflop-run/1`",
        ),
        (
            "{\"params\": 1e5, \"tokens\": 1e5, \"settings\": {\"beta2\": 1}}",
            "`beta2`",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(
            error.contains("spec.json") && error.contains(said),
            "{error}"
        );
    }
}
