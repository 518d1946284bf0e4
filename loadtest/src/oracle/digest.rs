//! Digests that stand for what was seen: the same in every process of one build, and cheap to cut out of a longer run.
//! They find accidents, not forgeries.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};

/// The Mersenne prime 2^61 - 1.
const P: u64 = (1 << 61) - 1;
/// The base of the polynomial: any large number below `P` does.
const BASE: u64 = 0x0bad_5eed_1234_5677 % P;

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(P);
    // Below 2^61.
    u64::try_from(product).unwrap_or(0)
}

fn power(mut exponent: u64) -> u64 {
    let (mut base, mut result) = (BASE, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

/// Spreads a number's bits (the finaliser of `SplitMix64`).
#[must_use]
pub fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A rolling digest of a sequence: its order counts, and so does how often each item stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roll(u64);

impl Roll {
    /// Appends an item.
    pub fn push(&mut self, item: u64) {
        self.0 = (times(self.0, BASE) + mix(item) % P) % P;
    }

    /// The digest of the whole sequence.
    #[must_use]
    pub fn of(items: impl IntoIterator<Item = u64>) -> Self {
        let mut roll = Self::default();
        items.into_iter().for_each(|item| roll.push(item));
        roll
    }
}

/// The rolling digests of every beginning of a sequence, from which that of any stretch follows at once.
#[derive(Debug, Clone)]
pub struct Prefixes(Vec<Roll>);

impl Default for Prefixes {
    fn default() -> Self {
        Self(vec![Roll::default()])
    }
}

impl Prefixes {
    /// Appends an item.
    pub fn push(&mut self, item: u64) {
        let mut next = self.0.last().copied().unwrap_or_default();
        next.push(item);
        self.0.push(next);
    }

    /// The digest of the items from place `from` to before place `to`, as if nothing stood before them.
    #[must_use]
    pub fn stretch(&self, from: usize, to: usize) -> Roll {
        let at = |place: usize| self.0.get(place).copied().unwrap_or_default().0;
        let before = times(at(from), power((to - from) as u64));
        Roll((at(to) + P - before) % P)
    }
}

/// A text's digest.
#[must_use]
pub fn text(text: &str) -> u64 {
    bytes(text.as_bytes())
}

/// The digest of bytes.
#[must_use]
pub fn bytes(bytes: &[u8]) -> u64 {
    // `DefaultHasher::new` has fixed keys: every process of a build gives the same digests.
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// A JSON value's digest, whatever the order of names.
#[must_use]
pub fn json(value: &Value) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(it) => 2 + u64::from(*it),
        Value::Number(it) => mix(text(&it.to_string()) ^ 4),
        Value::String(it) => mix(text(it) ^ 5),
        Value::Array(items) => Roll::of(items.iter().map(json)).0 ^ 6,
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| mix(text(name) ^ json(value).rotate_left(17)))
            .fold(7, u64::wrapping_add),
    }
}

/// The digest of a typed value: of its JSON, as its type writes it.
#[must_use]
pub fn typed<T: Serialize>(value: &T) -> u64 {
    struct Into(DefaultHasher);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut into = Into(DefaultHasher::new());
    match serde_json::to_writer(&mut into, value) {
        Ok(()) => into.0.finish(),
        // Wire types can always be written.
        Err(_) => 0,
    }
}

/// Fields that do not count when two commands with one key are compared.
const NOT_COMPARED: [&str; 6] = ["id", "key", "token", "seen", "expect", "type"];

/// What counts of a command or request when it is repeated with its key.
#[must_use]
pub fn body<T: Serialize>(command: &T) -> u64 {
    let mut value = serde_json::to_value(command).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        NOT_COMPARED.iter().for_each(|name| drop(fields.remove(*name)));
    }
    json(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stretch_has_the_digest_of_its_items_alone() {
        let items: Vec<u64> = (0..100).map(|it| it * it).collect();
        let mut prefixes = Prefixes::default();
        items.iter().for_each(|it| prefixes.push(*it));
        for (from, to) in [(0, 0), (0, 100), (17, 17), (17, 18), (3, 99)] {
            assert_eq!(
                prefixes.stretch(from, to),
                Roll::of(items[from..to].iter().copied())
            );
        }
    }

    #[test]
    fn order_and_number_count() {
        let of = |items: &[u64]| Roll::of(items.iter().copied());
        assert_ne!(of(&[1, 2, 3]), of(&[1, 3, 2]));
        assert_ne!(of(&[1, 2, 3]), of(&[1, 2]));
        assert_ne!(of(&[1, 2, 3]), of(&[1, 2, 2, 3]));
    }

    #[test]
    fn json_is_compared_by_meaning() {
        let a = serde_json::from_str::<Value>(r#"{"a":1,"b":[1,2]}"#).unwrap();
        let b = serde_json::from_str::<Value>(r#"{"b":[1,2],"a":1}"#).unwrap();
        assert_eq!(super::json(&a), super::json(&b));
        assert_ne!(
            super::json(&json!({"a": 1, "b": 2})),
            super::json(&json!({"a": 2, "b": 1}))
        );
        assert_ne!(super::json(&json!([1, 2])), super::json(&json!([2, 1])));
    }
}
