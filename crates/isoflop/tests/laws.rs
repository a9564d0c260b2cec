//! `isoflop laws` as people see it.

#[test]
fn the_catalogue_is_listed_and_explained_as_recorded() {
    trycmd::TestCases::new().case("tests/laws/*.trycmd");
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args(arguments)
        .output();
    let output = run.expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn the_catalogue_is_one_json_object_in_which_every_law_has_its_family() {
    let catalogue = json(&["laws", "--json"]);
    let laws = catalogue["laws"].as_array().expect("laws");
    let names = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let families = names(&catalogue["families"]);
    let listed: Vec<_> = families.iter().flat_map(|f| names(&f["laws"])).collect();
    let described: Vec<_> = laws.iter().map(|law| law["name"].clone()).collect();
    assert_eq!(listed, described);
    assert!(described.len() > 40);
}

#[test]
fn an_explanation_is_one_json_object_with_the_constants_and_how_they_are_known() {
    let law = json(&["laws", "besiroglu-2024", "--json"]);
    assert_eq!(law["name"], "chinchilla");
    assert_eq!(law["fit"]["counts"]["params"], "total");
    let alpha = &law["fit"]["constants"][3];
    assert_eq!(alpha["value"], 0.3478);
    assert_eq!(alpha["uncertainty"]["standard-error"], 0.02);
    assert_eq!(alpha["provenance"], "confirmed");
    assert_eq!(law["citation"]["arxiv"], "2203.15556");
}
