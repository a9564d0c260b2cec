//! `isoflop laws` as people see it.

#[test]
fn the_catalogue_is_listed_and_explained_as_recorded() {
    trycmd::TestCases::new().case("tests/laws/*.trycmd");
}
