//! Ray's Jobs API over HTTP.

use serde_json::Value;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::{Response, Uri};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes of an answer: ten thousand jobs with their metadata.
const LARGEST_ANSWER: u64 = 64 << 20;
/// Most characters of an error page that are told.
const LONGEST_MESSAGE: usize = 300;

/// The dashboard of a Ray head.
pub struct Api {
    address: String,
    host: String,
    token: Option<String>,
    agent: ureq::Agent,
}

/// No answer that is of use.
#[derive(Debug)]
pub enum Failed {
    /// Ray said no.
    Said {
        /// Status of HTTP.
        status: u16,
        /// The gist of what it said.
        message: String,
    },
    /// Nobody answered.
    Silent(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Said { status, message } => write!(f, "status {status}: {message}"),
            Failed::Silent(message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the token.
        f.debug_struct("Api")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// The dashboard at an address such as `http://127.0.0.1:8265`.
    pub fn new(address: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{address}` is no address of a Ray dashboard: expected one such as http://127.0.0.1:8265"
            )
        };
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let scheme = uri
            .scheme_str()
            .filter(|scheme| ["http", "https"].contains(scheme));
        let host = uri.host().filter(|_| scheme.is_some()).ok_or_else(wrong)?;
        Ok(Self {
            address: address.trim_end_matches('/').to_owned(),
            host: host.trim_matches(['[', ']']).to_lowercase(),
            token: token(),
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .http_status_as_error(false)
                // A redirect could carry the token elsewhere.
                .max_redirects(0)
                .build()
                .into(),
        })
    }

    /// The address as given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the dashboard is on this machine.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether there is a token to show.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for something.
    pub fn get(&self, path: &str) -> Result<Value, Failed> {
        let mut request = self.agent.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.call())
    }

    /// Tells something.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        let mut request = self.agent.post(self.url(path));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.send_json(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/{path}", self.address)
    }
}

fn read(answer: Result<Response<ureq::Body>, ureq::Error>) -> Result<Value, Failed> {
    let mut answer = answer.map_err(|error| Failed::Silent(error.to_string()))?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
    let text = body
        .read_to_string()
        .map_err(|error| Failed::Silent(error.to_string()))?;
    if !status.is_success() {
        // Ray answers with a traceback: its last line says what is the matter.
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        let gist = line.unwrap_or("no word").trim();
        return Err(Failed::Said {
            status: status.as_u16(),
            message: gist.chars().take(LONGEST_MESSAGE).collect(),
        });
    }
    serde_json::from_str(&text)
        .map_err(|_| Failed::Silent("an answer that is no JSON: is this a Ray dashboard?".into()))
}

/// The token of Ray's own commands, found where they look for it.
fn token() -> Option<String> {
    let given = std::env::var("RAY_AUTH_TOKEN").ok();
    let file = || {
        let named = std::env::var_os("RAY_AUTH_TOKEN_PATH").map(PathBuf::from);
        let usual = || Some(std::env::home_dir()?.join(".ray/auth_token"));
        std::fs::read_to_string(named.or_else(usual)?).ok()
    };
    let token = given.or_else(file)?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}
