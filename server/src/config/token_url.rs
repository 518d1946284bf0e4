//! The type of `console_token_url`: where the console's pages fetch tokens. It fetches nothing.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use url::{Host, Position, Url};

/// A path on the pages' own host, or an address elsewhere: https, or http on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenUrl {
    address: String,
    origin: Option<String>,
}

const RULE: &str = "neither a path such as /token nor an https:// address (http:// only on this machine), \
                    without a user and a fragment";

impl TokenUrl {
    /// The address as pages use it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The origin of an address elsewhere; none for a path.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl FromStr for TokenUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is {RULE}");
        let here = Url::parse("https://own.invalid/").map_err(|_| bad())?;
        let url = Url::options().base_url(Some(&here)).parse(text);
        let url = url.map_err(|_| bad())?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if text.starts_with('/') && url.origin() == here.origin() && plain {
            let address = url[Position::BeforePath..].to_owned();
            return Ok(Self {
                address,
                origin: None,
            });
        }
        let absolute = Url::parse(text).is_ok();
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
        if !absolute || !plain || !safe {
            return Err(bad());
        }
        Ok(Self {
            origin: Some(url.origin().ascii_serialization()),
            address: url.into(),
        })
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl<'de> Deserialize<'de> for TokenUrl {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_path("/token", "/token", None)]
    #[case::a_path_with_a_query("/auth/token?for=dibs", "/auth/token?for=dibs", None)]
    #[case::elsewhere(
        "https://Auth.example:443/t?a=1&b=2",
        "https://auth.example/t?a=1&b=2",
        Some("https://auth.example")
    )]
    #[case::another_port(
        "https://auth.example:8443",
        "https://auth.example:8443/",
        Some("https://auth.example:8443")
    )]
    #[case::this_machine(
        "http://127.0.0.1:9000/t",
        "http://127.0.0.1:9000/t",
        Some("http://127.0.0.1:9000")
    )]
    #[case::markup("/\"><script>", "/%22%3E%3Cscript%3E", None)]
    fn good(#[case] text: &str, #[case] address: &str, #[case] origin: Option<&str>) {
        let url: TokenUrl = text.parse().unwrap();
        assert_eq!((url.address(), url.origin()), (address, origin));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::a_word("token")]
    #[case::another_host("//auth.example/t")]
    #[case::another_host_by_a_backslash("/\\auth.example/t")]
    #[case::in_the_open("http://auth.example/t")]
    #[case::a_script("javascript:alert(1)")]
    #[case::a_password("https://me:secret@auth.example/t")]
    #[case::a_fragment("https://auth.example/t#x")]
    fn bad(#[case] text: &str) {
        assert!(text.parse::<TokenUrl>().is_err());
    }
}
