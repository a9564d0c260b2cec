//! Why a request has no answer, as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why there is no answer: a status for programs, a sentence for people.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    sentence: String,
}

impl Problem {
    /// What was asked is no question.
    pub fn misuse(sentence: impl ToString) -> Self {
        Problem {
            status: StatusCode::BAD_REQUEST,
            sentence: sentence.to_string(),
        }
    }

    /// The runs do not allow an answer: that is an answer, and no failure of the request.
    pub fn no(sentence: impl ToString) -> Self {
        Problem {
            status: StatusCode::OK,
            sentence: sentence.to_string(),
        }
    }

    /// It is asked of runs that have changed since.
    pub fn changed() -> Self {
        Problem {
            status: StatusCode::CONFLICT,
            sentence: "the runs have changed: ask again".to_owned(),
        }
    }

    /// This is not allowed, or not there.
    pub fn refused(status: StatusCode, sentence: &str) -> Self {
        Problem {
            status,
            sentence: sentence.to_owned(),
        }
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Something outside the question failed.
    pub fn failed(sentence: impl ToString) -> Self {
        Problem {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            sentence: sentence.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let name = match self.status {
            StatusCode::OK => "no",
            _ => "error",
        };
        (self.status, Json(json!({ name: self.sentence }))).into_response()
    }
}
