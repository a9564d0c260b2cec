//! Who gets an answer: addresses, hosts, origins, the token, and what browsers are told.

use super::{CANARY, PAGES, PRIVATE, Page};
use std::net::{TcpStream, UdpSocket};

#[test]
fn it_listens_on_the_loopback_address_and_on_no_other() {
    let page = Page::open(0, &[]);
    // Local addresses of listening sockets (state 0A), in the kernel's hexadecimal.
    let port = format!("{:04X}", page.port);
    let mut listening = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[3] == "0A" && words[1].ends_with(&format!(":{port}")) {
                listening.push(words[1].to_owned());
            }
        }
    }
    assert_eq!(listening, [format!("0100007F:{port}")]);
    // The address that this machine has elsewhere, if it has one: no packet is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let own = socket.local_addr().unwrap().ip();
        if !own.is_loopback() && !own.is_unspecified() {
            assert!(TcpStream::connect((own, page.port)).is_err(), "{own}");
        }
    }
}

#[test]
fn another_host_is_refused_to_the_letter() {
    let page = Page::open(0, &[]);
    let port = page.port;
    for own in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let headers = format!("Host: {own}\r\n{}", page.key());
        assert_eq!(page.ask("GET", "/api/state", &headers, "").0, 200, "{own}");
    }
    let others = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        format!("127.0.0.1:{}", port ^ 1),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.:{port}"),
        format!("LOCALHOST:{port}"),
        format!("127.1:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::1]:{port}"),
        format!("user@127.0.0.1:{port}"),
        String::new(),
    ];
    for other in others {
        for target in ["/", "/api/runs"] {
            let headers = format!("Host: {other}\r\n{}", page.key());
            let (status, text) = page.ask("GET", target, &headers, "");
            assert!([400, 421].contains(&status), "{other}: {status}");
            assert!(!text.contains(CANARY));
        }
    }
    // None, two, and one that a proxy would take from the target.
    let (none, _) = page.ask("GET", "/api/runs", &page.key(), "");
    let twice = page.host() + "Host: evil.example\r\n" + &page.key();
    let (two, _) = page.ask("GET", "/api/runs", &twice, "");
    let absolute = format!("http://127.0.0.1:{port}/api/runs");
    let (proxy, _) = page.ask("GET", &absolute, &(page.host() + &page.key()), "");
    assert!(
        [none, two, proxy].iter().all(|s| [400, 421].contains(s)),
        "{none} {two} {proxy}"
    );
}

#[test]
fn another_page_in_the_same_browser_gets_nothing_even_with_the_token() {
    let page = Page::open(0, &[]);
    let known = page.host() + &page.key();
    let own = format!("Origin: http://127.0.0.1:{}\r\n", page.port);
    assert_eq!(
        page.ask("GET", "/api/runs", &(known.clone() + &own), "").0,
        200
    );
    let others = [
        "Origin: http://evil.example".to_owned(),
        "Origin: null".to_owned(),
        "Origin:".to_owned(),
        format!("Origin: https://127.0.0.1:{}", page.port),
        format!("Origin: http://127.0.0.1:{}", page.port ^ 1),
        format!("Origin: http://localhost:{}", page.port),
        format!("Origin: http://127.0.0.1:{}.evil.example", page.port),
        "Sec-Fetch-Site: cross-site".to_owned(),
        "Sec-Fetch-Site: same-site".to_owned(),
    ];
    let sealing = page.sealing();
    for other in others {
        let headers = format!("{known}{other}\r\n");
        let (status, text) = page.ask("GET", "/api/runs", &headers, "");
        assert_eq!(status, 403, "{other}");
        assert!(!text.contains(CANARY));
        let headers = headers + "Content-Type: application/json\r\n";
        let (status, _) = page.ask("POST", "/api/forecasts", &headers, &sealing);
        assert_eq!(status, 403, "{other}");
    }
    assert!(!page.ledger().exists());
}

#[test]
fn without_the_token_nothing_is_told() {
    let (page, other) = (Page::open(0, &[]), Page::open(0, &[]));
    assert_eq!(page.token.len(), 64);
    assert!(page.token.chars().all(|c| c.is_ascii_hexdigit()));
    assert_ne!(page.token, other.token);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let mut wrong = page.token.clone();
    wrong.replace_range(63..64, if wrong.ends_with('0') { "1" } else { "0" });
    let attempts = [
        String::new(),
        bearer(""),
        bearer(&other.token),
        bearer(&wrong),
        bearer(&page.token[..63]),
        bearer(&page.token.to_uppercase().replace(char::is_numeric, "A")),
        format!("Authorization: Basic {}\r\n", page.token),
        format!("Cookie: isoflop-token={}\r\n", page.token),
        page.key() + &page.key(),
    ];
    for target in PRIVATE {
        for attempt in &attempts {
            let (status, text) = page.ask("GET", target, &(page.host() + attempt), "");
            assert_eq!(status, 401, "{target} {attempt}");
            assert!(!text.contains(CANARY) && !text.contains(&page.token));
        }
        let with_query = format!("{target}?token={}", page.token);
        assert_eq!(page.ask("GET", &with_query, &page.host(), "").0, 401);
    }
    // The page itself is the same for everyone, and holds nothing.
    for target in PAGES {
        let (status, text) = page.ask("GET", target, &page.host(), "");
        assert_eq!(status, 200, "{target}");
        assert!(
            !text.contains(CANARY) && !text.contains(&page.token),
            "{target}"
        );
    }
}

#[test]
fn every_answer_tells_the_browser_to_load_nothing_from_elsewhere() {
    let page = Page::open(0, &[]);
    let known = page.host() + &page.key();
    for (method, target, headers) in [
        ("GET", "/", known.clone()),
        ("GET", "/api/state", known.clone()),
        ("GET", "/nothing", known.clone()),
        ("GET", "/api/state", page.host()),
        ("PUT", "/", known),
        ("GET", "/", "Host: evil.example\r\n".to_owned()),
    ] {
        let (_, text) = page.ask(method, target, &headers, "");
        let head = text.split("\r\n\r\n").next().unwrap().to_lowercase();
        for part in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(
                head.contains(part),
                "{method} {target} lacks {part}:\n{head}"
            );
        }
        assert!(!head.contains("access-control-allow-origin") && !head.contains("set-cookie"));
    }
}
