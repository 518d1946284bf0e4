//! The types of single settings: how each is written, read and shown. What a value means is said in `settings`.

use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time as people write it: a whole number and one unit of `ms`, `s`, `m`, `h` or `d`; `off` or `0` is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Period(pub Duration);

const PERIOD_RULE: &str = "a duration such as 500ms, 3s, 5m, 24h or 7d";

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" || text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let bad = || format!("{text:?} is not {PERIOD_RULE}");
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        let ms = number.checked_mul(unit_ms).ok_or_else(bad)?;
        Ok(Self(Duration::from_millis(ms)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms == 0 {
            return f.write_str("0s");
        }
        // Days are read but never shown: `24h` is how a window of a day is usually written.
        for (unit, name) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
            if ms.is_multiple_of(unit) {
                return write!(f, "{}{name}", ms / unit);
            }
        }
        write!(f, "{ms}ms")
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Period;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{PERIOD_RULE}, in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Period, E> {
                if number == 0 {
                    return Ok(Period::default());
                }
                Err(E::invalid_type(Unexpected::Signed(number), &self))
            }
        }
        input.deserialize_any(Written)
    }
}

/// A length of time in whole days, written as a number; a [`Period`] will do as well.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Days(pub Duration);

/// A day, in seconds.
const DAY_S: u64 = 86_400;

impl Days {
    fn of(days: u64) -> Option<Self> {
        days.checked_mul(DAY_S)
            .map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse().map(Self::of) {
            Ok(Some(days)) => Ok(days),
            Ok(None) => Err(format!("{text} days are more than time itself")),
            Err(_) => text
                .parse()
                .map(|Period(time)| Self(time))
                .map_err(|_| format!("{text:?} is neither a number of days nor {PERIOD_RULE}")),
        }
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Days;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number of days, or {PERIOD_RULE}, in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Days, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Days, E> {
                let days = u64::try_from(number).ok().and_then(Days::of);
                days.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
            }
        }
        input.deserialize_any(Written)
    }
}

/// A text that must not be shown: it prints as `[redacted]` and can only be read by asking for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for signing and verifying only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromStr for Secret {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// Unlike a plain `String`, a value of another type is not repeated in the error.
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(input)
            .map_err(|_| D::Error::custom("a secret must be a text in quotes"))?
        {
            toml::Value::String(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("a secret must be a text in quotes")),
        }
    }
}

/// A web origin, `scheme://host` or `scheme://host:port`, lower-cased and without the scheme's own port.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    /// Host, and port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a request's `Host` names this origin's authority.
    #[must_use]
    pub fn is_host(&self, host: &str) -> bool {
        without_own_port(&self.scheme, &host.to_ascii_lowercase()) == self.authority
    }
}

fn without_own_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!("{text:?} is not an origin such as https://console.example.com (no path, no wildcard)")
        };
        let lower = text.to_ascii_lowercase();
        let (scheme, authority) = lower.split_once("://").ok_or_else(bad)?;
        let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let authority_ok = !authority.is_empty()
            && authority
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'));
        if !scheme_ok || !authority_ok {
            return Err(bad());
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            authority: without_own_port(scheme, authority).to_owned(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

words! {
    /// From which severity on the server logs.
    LogLevel {
        /// What needs a person.
        Error = "error",
        /// What may need a person.
        Warn = "warn",
        /// What an operator wants to know.
        Info = "info",
        /// What a developer wants to know.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// How log lines are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line, for collectors.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("500ms", 500, "500ms")]
    #[case("3s", 3_000, "3s")]
    #[case("90s", 90_000, "90s")]
    #[case("5m", 300_000, "5m")]
    #[case("24h", 86_400_000, "24h")]
    #[case("7d", 604_800_000, "168h")]
    #[case("off", 0, "0s")]
    #[case("0", 0, "0s")]
    fn a_period_is_read_and_shown(#[case] text: &str, #[case] ms: u64, #[case] shown: &str) {
        let period: Period = text.parse().unwrap();
        assert_eq!(period.0, Duration::from_millis(ms));
        assert_eq!(period.to_string(), shown);
        assert_eq!(shown.parse::<Period>().unwrap(), period);
    }

    #[rstest]
    #[case("")]
    #[case("3")]
    #[case("s")]
    #[case("3 s")]
    #[case("-3s")]
    #[case("1h30m")]
    #[case("1.5s")]
    #[case("99999999999999999999s")]
    #[case("9999999999999999999h")]
    fn what_is_no_period_is_refused(#[case] text: &str) {
        assert!(text.parse::<Period>().unwrap_err().contains("is not a duration"));
    }

    #[rstest]
    #[case("https://A.example", "https://a.example")]
    #[case("https://a.example:443", "https://a.example")]
    #[case("http://localhost:5173", "http://localhost:5173")]
    #[case("http://[::1]:80", "http://[::1]")]
    #[case("tauri://localhost", "tauri://localhost")]
    fn an_origin_is_normalised(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<Origin>().unwrap().to_string(), shown);
    }

    #[rstest]
    #[case("*")]
    #[case("null")]
    #[case("a.example")]
    #[case("https://")]
    #[case("https://*.example")]
    #[case("https://a.example/")]
    #[case("https://user@a.example")]
    fn what_is_no_origin_is_refused(#[case] text: &str) {
        assert!(text.parse::<Origin>().is_err());
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([redacted])");
    }
}
