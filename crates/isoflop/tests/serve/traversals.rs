//! Ways to ask for a file that is not the page's.

use super::{CANARY, Page};
use std::path::Path;

/// Five hundred ways to ask for a file.
fn traversals(folder: &Path) -> Vec<String> {
    let absolute = folder.join("secret.txt").display().to_string();
    let files = [
        "secret.txt",
        "runs.csv",
        "etc/passwd",
        &absolute[1..],
        "proc/self/environ",
    ];
    let ups = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%5c",
        "..\\",
        "%252e%252e%252f",
        "....//",
        "..;/",
        "%c0%ae%c0%ae/",
        "..%00/",
        ".%2e/",
        "/",
        "%2f",
        "//",
    ];
    let mut all = Vec::new();
    for start in [
        "/",
        "/api/",
        "/api/figure/",
        "/page.css/",
        "/api/runs.csv/",
        "/api/figure?name=",
    ] {
        for up in ups {
            for file in files {
                all.push(format!("{start}{}{file}", up.repeat(1 + all.len() % 6)));
            }
        }
    }
    for (start, file) in [
        ("/secret.txt", ""),
        ("/runs.csv", ""),
        ("/./secret.txt", ""),
    ] {
        all.push(format!("{start}{file}"));
    }
    for k in 0..60 {
        let up = ups[k % ups.len()].repeat(k / 4);
        all.push(format!("/api/report?version={up}&flops={up}secret.txt"));
    }
    all
}

#[test]
fn five_hundred_ways_to_ask_for_a_file_give_none() {
    let page = Page::open(0, &[]);
    let payloads = traversals(page.folder.path());
    assert!(payloads.len() >= 500, "{}", payloads.len());
    for payload in &payloads {
        let (status, text) = page.get(payload);
        assert!((400..500).contains(&status), "{payload}: {status}");
        assert!(
            !text.contains(CANARY) && !text.contains("root:"),
            "{payload}"
        );
    }
    println!("{} payloads", payloads.len());
}
