//! The local page against those who should not get anything from it, over raw sockets.

mod access;
mod changes;
mod limits;
mod traversals;

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
