//! The reference page says what the catalogue says.

#[path = "../examples/reference.rs"]
mod reference;

#[test]
fn the_reference_page_is_written_from_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/laws.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == reference::page(),
        "docs/laws.md is out of date: cargo run -p isoflop-laws --example reference > docs/laws.md"
    );
}

#[test]
fn every_law_and_published_fit_is_on_the_page() {
    let page = reference::page();
    for card in isoflop_laws::catalogue() {
        assert!(
            page.contains(&format!("\n### {}\n", card.name)),
            "{}",
            card.name
        );
    }
    for (_, fit) in isoflop_laws::published_fits() {
        assert!(
            page.contains(&format!("\n**{}**", fit.name)),
            "{}",
            fit.name
        );
    }
}
