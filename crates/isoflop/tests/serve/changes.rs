//! What the page lets anyone change: nothing but the ledger, by a sealed forecast.

use super::{PAGES, PRIVATE, Page};

#[test]
fn it_can_only_be_read_but_for_a_sealed_forecast() {
    let page = Page::open(0, &[]);
    let known = page.host() + &page.key();
    let before = std::fs::read(page.folder.path().join("runs.csv")).unwrap();
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "SEAL",
    ] {
        for target in PAGES.iter().chain(&PRIVATE) {
            if (method, *target) == ("POST", "/api/forecasts") {
                continue;
            }
            let json = known.clone() + "Content-Type: application/json\r\n";
            let (status, _) = page.ask(method, target, &json, "{}");
            assert!([400, 405].contains(&status), "{method} {target}: {status}");
        }
    }
    let sealing = page.sealing();
    // A form of another site can send only these kinds of content.
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let headers = format!("{known}Content-Type: {kind}\r\n");
        assert_eq!(
            page.ask("POST", "/api/forecasts", &headers, &sealing).0,
            415,
            "{kind}"
        );
    }
    assert!(!page.ledger().exists());
    let json = known + "Content-Type: application/json\r\n";
    let (status, text) = page.ask("POST", "/api/forecasts", &json, &sealing);
    assert_eq!(status, 200, "{text}");
    let (status, text) = page.ask("POST", "/api/forecasts", &json, &sealing);
    assert!(
        status == 200 && text.contains("\"no\":"),
        "a name is taken once: {text}"
    );
    let ledger = std::fs::read_to_string(page.ledger()).unwrap();
    assert_eq!(ledger.lines().count(), 1);
    let after = std::fs::read(page.folder.path().join("runs.csv")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_page_that_is_read_only_seals_nothing() {
    let page = Page::open(0, &["--read-only"]);
    let json = page.host() + &page.key() + "Content-Type: application/json\r\n";
    let (status, _) = page.ask("POST", "/api/forecasts", &json, &page.sealing());
    assert_eq!(status, 403);
    assert!(!page.ledger().exists());
}
