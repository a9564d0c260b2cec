//! Who may ask: this very page, in a browser of this machine, of whoever was given the token.
//!
//! Another web site that is open in the same browser can send requests to the loopback address, and
//! can make its own name point there (DNS rebinding). So the `Host` must be ours to the letter, an
//! `Origin` as well, and everything that says anything about the runs wants the token in a header,
//! which no other site can set. There is no cookie: cookies are shared by all ports of a host.

use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::io;
use std::sync::Arc;

/// 256 random bits that open the page, as 64 hexadecimal digits.
#[derive(Clone)]
pub struct Token {
    digits: String,
}

impl Token {
    /// A new token from the system's source of random numbers.
    ///
    /// # Errors
    /// The system has no such source.
    pub fn issue() -> io::Result<Token> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Token { digits })
    }

    /// Whether the text is this token, in a time that does not tell how much of it is right.
    fn is(&self, text: &str) -> bool {
        // Hashes are compared in constant time, and of any text in the same number of bytes.
        blake3::hash(text.as_bytes()) == blake3::hash(self.digits.as_bytes())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The rules of one page.
#[derive(Debug, Clone)]
pub struct Guard {
    hosts: Arc<[String; 2]>,
    token: Token,
}

/// Path of everything that says something about the runs.
const PRIVATE: &str = "/api/";
/// The one thing that is written.
const SEALING: &str = "/api/forecasts";

impl Guard {
    /// The rules for a page on this port.
    pub fn new(port: u16, token: Token) -> Guard {
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        Guard {
            hosts: Arc::new(hosts),
            token,
        }
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        let refused = |status, why| Err(Problem::refused(status, why));
        if request.uri().authority().is_some() {
            return refused(StatusCode::BAD_REQUEST, "this is no proxy");
        }
        let headers = request.headers();
        let Some(host) = self.host(headers) else {
            return refused(StatusCode::MISDIRECTED_REQUEST, "this is another host");
        };
        if !same_origin(headers, host) {
            return refused(StatusCode::FORBIDDEN, "another page may not ask");
        }
        let path = request.uri().path();
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        let seals = request.method() == Method::POST && path == SEALING;
        if !reads && !seals {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "this can only be read");
        }
        if path.starts_with(PRIVATE) && !self.has_token(headers) {
            let why = "the token is missing or another one: open the address that isoflop printed";
            return refused(StatusCode::UNAUTHORIZED, why);
        }
        if seals && !is_json(headers) {
            return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "JSON is expected");
        }
        Ok(())
    }

    /// The one `Host`, if it is ours.
    fn host(&self, headers: &HeaderMap) -> Option<&str> {
        let host = only(headers, header::HOST)?;
        let own = self.hosts.iter().find(|own| *own == host);
        own.map(String::as_str)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let given = only(headers, header::AUTHORIZATION);
        let given = given.and_then(|value| value.strip_prefix("Bearer "));
        given.is_some_and(|text| self.token.is(text))
    }
}

/// The value of a header that is there exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a browser, if it is one, asks for a page of this very origin.
fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let origin_is_ours = !headers.contains_key(header::ORIGIN)
        || only(headers, header::ORIGIN).is_some_and(|origin| {
            origin
                .strip_prefix("http://")
                .is_some_and(|name| name == host)
        });
    let site = HeaderName::from_static("sec-fetch-site");
    let site_is_ours = !headers.contains_key(&site)
        || only(headers, site).is_some_and(|site| ["same-origin", "none"].contains(&site));
    origin_is_ours && site_is_ours
}

fn is_json(headers: &HeaderMap) -> bool {
    only(headers, header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

/// Refuses what may not be asked, and tells the browser what an answer may do.
pub async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Nothing from elsewhere is loaded, framed, sniffed, kept or told where it was opened.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
