//! The local page against those who should not get anything from it, over raw sockets.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A name that is in the runs, and so must not be in anything that a stranger gets.
const CANARY: &str = "canary-run-7f3a";

/// Runs as CSV, with a note of so many letters in each row.
fn runs(note: usize) -> String {
    let mut text = String::from("run,params,tokens,loss,note\n");
    for k in 0..24 {
        let c = 1e17 * 10f64.powf(f64::from(k % 6) / 2.0);
        let n = (c / 120.0).sqrt() * 2f64.powf(f64::from(k * 7 % 11) / 2.5 - 2.0);
        let d = c / 6.0 / n;
        let loss = 1.8172 + 482.01 / n.powf(0.3478) + 2085.43 / d.powf(0.3658);
        let note = "x".repeat(note);
        text += &format!("{CANARY}-{k},{n},{d},{loss},{note}\n");
    }
    text
}

/// A page that is open, in a folder of its own.
struct Page {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    token: String,
}

impl Page {
    fn open(note: usize, words: &[&str]) -> Page {
        let folder = tempfile::tempdir().unwrap();
        // What a traversal would be after: beside the page's folder and in it.
        std::fs::write(folder.path().join("secret.txt"), CANARY).unwrap();
        std::fs::write(folder.path().join("runs.csv"), runs(note)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_isoflop"))
            .args(["serve", "runs.csv", "--law", "chinchilla", "--json"])
            .args(words)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["address"].as_str().unwrap();
        let (place, token) = address.split_once("/#token=").unwrap();
        let port = place.strip_prefix("http://127.0.0.1:").unwrap();
        Page {
            port: port.parse().unwrap(),
            token: token.to_owned(),
            child,
            folder,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        stream
    }

    /// Sends these bytes; status and the whole text of what comes back.
    fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // A server that refuses may close while there is something left to read.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
        (status.unwrap_or(0), text)
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}\r\n", self.port)
    }

    fn key(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    /// A request with these header lines.
    fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> (u16, String) {
        let length = match body.len() {
            0 => String::new(),
            bytes => format!("Content-Length: {bytes}\r\n"),
        };
        self.raw(&format!(
            "{method} {target} HTTP/1.1\r\n{headers}{length}\r\n{body}"
        ))
    }

    /// What a browser of this page would get.
    fn get(&self, target: &str) -> (u16, String) {
        self.ask("GET", target, &(self.host() + &self.key()), "")
    }

    fn version(&self) -> String {
        let (status, text) = self.get("/api/state");
        assert_eq!(status, 200, "{text}");
        let body = text.split("\r\n\r\n").nth(1).unwrap();
        let state: Value = serde_json::from_str(body).unwrap();
        state["version"].as_str().unwrap().to_owned()
    }

    fn sealing(&self) -> String {
        let version = self.version();
        format!(
            r#"{{"name":"big","params":"1B","tokens":"20B","law":"chinchilla","version":"{version}"}}"#
        )
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("isoflop-ledger.jsonl")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PAGES: [&str; 5] = ["/", "/page.css", "/page.js", "/widgets.js", "/icon.svg"];
const PRIVATE: [&str; 12] = [
    "/api/about",
    "/api/state",
    "/api/runs",
    "/api/runs.csv",
    "/api/curves",
    "/api/fit",
    "/api/sure",
    "/api/plan",
    "/api/diagnose",
    "/api/figure",
    "/api/report",
    "/api/forecasts",
];

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

#[test]
fn what_is_too_long_is_refused_and_rubbish_breaks_nothing() {
    let page = Page::open(0, &[]);
    let json = page.host() + &page.key() + "Content-Type: application/json\r\n";
    let (status, _) = page.ask("POST", "/api/forecasts", &json, &"x".repeat(1 << 20));
    assert!([0, 413].contains(&status), "{status}");
    let long = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
    let (status, _) = page.ask("GET", "/", &(page.host() + &long), "");
    assert!([0, 431].contains(&status), "{status}");
    for rubbish in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "\r\n\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let (status, _) = page.raw(rubbish);
        assert!(
            [0, 400, 405, 505].contains(&status),
            "{rubbish:?}: {status}"
        );
    }
    for body in ["", "null", "[]", "{\"name\":1}", "{", &"[".repeat(60_000)] {
        let (status, _) = page.ask("POST", "/api/forecasts", &json, body);
        assert!((400..500).contains(&status), "{status}");
    }
    assert_eq!(page.get("/api/state").0, 200);
}

/// When the server ends a connection on which `send` writes one byte more each second.
fn cut_after(
    mut stream: TcpStream,
    mut send: impl FnMut(&mut TcpStream) -> std::io::Result<()>,
) -> Duration {
    let began = Instant::now();
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return began.elapsed(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return began.elapsed(),
            Ok(_) => {}
        }
        if send(&mut stream).is_err() || began.elapsed() > Duration::from_secs(40) {
            return began.elapsed();
        }
    }
}

#[test]
fn slow_clients_are_cut_off_after_ten_seconds_and_hold_up_nobody() {
    let page = Page::open(1_000_000, &[]);
    let known = page.host() + &page.key();
    let start = |text: String| {
        let mut stream = page.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let drip = |stream: &mut TcpStream| stream.write_all(b"x");
    let version = page.version();
    let slow_header = start("GET / HTTP/1.1\r\nX-Slow: ".to_owned());
    let slow_body = start(format!(
        "POST /api/forecasts HTTP/1.1\r\n{known}Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    ));
    let silent = page.connect();
    // Takes nothing of an answer of 24 MB, more than the system keeps on the way.
    let mut deaf = start(format!("GET /api/runs.csv HTTP/1.1\r\n{known}\r\n"));
    let many: Vec<TcpStream> = (0..40)
        .map(|_| start("GET / HTTP/1.1\r\n".to_owned()))
        .collect();
    let began = Instant::now();
    assert_eq!(page.get("/api/state").0, 200);
    println!(
        "beside 44 slow clients an answer took {:?}",
        began.elapsed()
    );
    let took = std::thread::scope(|scope| {
        let header = scope.spawn(|| cut_after(slow_header, drip));
        let body = scope.spawn(|| cut_after(slow_body, drip));
        let silent = scope.spawn(|| cut_after(silent, |_| Ok(())));
        [header, body, silent].map(|thread| thread.join().unwrap().as_secs_f64())
    });
    println!("header, body, silence: {took:?} s");
    assert!(
        took.iter().all(|secs| (7.0..25.0).contains(secs)),
        "{took:?}"
    );
    // Its ten seconds began when the answer was ready, a little after those of the others.
    std::thread::sleep(Duration::from_secs(6));
    let mut taken = Vec::new();
    let _ = deaf.read_to_end(&mut taken);
    assert!(taken.len() < 20_000_000, "{} bytes", taken.len());
    drop(many);
    assert_eq!(page.version(), version);
    let _ = deaf.shutdown(Shutdown::Both);
}
