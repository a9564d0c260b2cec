//! What is too long, too slow or no request at all.

use super::Page;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

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
