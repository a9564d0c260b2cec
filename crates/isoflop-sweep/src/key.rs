//! What names a run and an attempt at it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Names a run by what it is: the hash of its canonical specification.
///
/// BLAKE3 of the specification as JSON with sorted keys, the first 32 hexadecimal digits: two
/// runs share a key only if they are the same run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunKey(String);

/// Names one attempt at a run: 128 random bits, never issued twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

/// A text that is no key or nonce.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: expected 32 hexadecimal digits")]
pub struct NotAKey(String);

impl RunKey {
    /// The key of a specification.
    #[must_use]
    pub fn of(specification: &Value) -> Self {
        let hash = blake3::hash(canonical(specification).as_bytes());
        RunKey(hash.to_hex()[..32].to_owned())
    }
}

impl Nonce {
    /// A new nonce.
    #[must_use]
    pub fn issue() -> Self {
        Nonce(format!("{:032x}", rand::random::<u128>()))
    }
}

/// JSON with the keys of every object sorted, without spaces: equal values, equal bytes.
///
/// Sorted here rather than left to `serde_json`, whose order depends on features that other
/// crates of a build may switch on.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

macro_rules! hexadecimal {
    ($name:ident) => {
        impl $name {
            /// The 32 digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAKey;
            fn try_from(text: String) -> Result<Self, NotAKey> {
                // A key becomes a folder's name: nothing but digits may pass.
                let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                if text.len() == 32 && text.bytes().all(digit) {
                    Ok($name(text))
                } else {
                    Err(NotAKey(text))
                }
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

hexadecimal!(RunKey);
hexadecimal!(Nonce);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_does_not_depend_on_the_order_of_members() {
        let a: Value = serde_json::from_str(r#"{"n":1e6,"s":{"b":[1,2],"a":"x"}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"s":{"a":"x","b":[1,2]},"n":1000000.0}"#).unwrap();
        assert_eq!(canonical(&a), canonical(&b));
        assert_eq!(RunKey::of(&a), RunKey::of(&b));
        assert_ne!(RunKey::of(&a), RunKey::of(&json!({"n": 1e6})));
    }

    #[test]
    fn only_hexadecimal_digits_are_a_key() {
        assert!(RunKey::try_from("../../../../../../../../etc/pass".to_owned()).is_err());
        assert!(RunKey::try_from("A".repeat(32)).is_err());
        let nonce = Nonce::issue();
        assert_eq!(Nonce::try_from(nonce.to_string()), Ok(nonce.clone()));
        assert_ne!(Nonce::issue(), nonce);
    }
}
