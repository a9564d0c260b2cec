//! The page itself: plain HTML, style and script, compiled in.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const HTML: &str = include_str!("../pages/index.html");
const STYLE: &str = include_str!("../pages/page.css");
const SCRIPT: &str = include_str!("../pages/page.js");
const ICON: &str = include_str!("../pages/icon.svg");

/// The document.
pub async fn document() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], HTML).into_response()
}

/// The style sheet: that of the report, and the page's own.
pub async fn style() -> Response {
    let whole = [isoflop_report::STYLE, STYLE].concat();
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], whole).into_response()
}

/// What the report and the page share.
pub async fn widgets() -> Response {
    script_of(isoflop_report::WIDGETS)
}

/// The page's own script.
pub async fn script() -> Response {
    script_of(SCRIPT)
}

/// The picture in the browser's tab.
pub async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

fn script_of(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}
