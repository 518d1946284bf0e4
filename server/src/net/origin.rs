//! Which web pages may connect: the server's own and those that are configured. Programs send no origin and may.

use crate::config::Origin;
use axum::http::{HeaderMap, header};

/// Whether a request may come from where it comes: no `Origin` at all, the origin of the page's own host, or one that
/// is configured, exactly. `null`, and more than one `Origin`, may not.
#[must_use]
pub fn origin_allowed(headers: &HeaderMap, allow_origin: &[Origin]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return !headers.contains_key(header::ORIGIN);
    };
    let Some(origin) = origin.to_str().ok().and_then(|text| text.parse::<Origin>().ok()) else {
        return false;
    };
    allow_origin.contains(&origin) || is_same(&origin, headers)
}

fn is_same(origin: &Origin, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(|host| origin.is_host(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_program(&[], true)]
    #[case::the_own_page(&["http://dibs.example:7070"], false)]
    #[case::listed(&["https://console.example"], true)]
    #[case::listed_with_its_port(&["https://console.example:443"], true)]
    #[case::listed_with_another_scheme(&["http://console.example"], false)]
    #[case::listed_with_another_port(&["https://console.example:8443"], false)]
    #[case::a_longer_name(&["https://console.example.evil.example"], false)]
    #[case::a_subdomain(&["https://a.console.example"], false)]
    #[case::same_host(&["https://dibs.example"], true)]
    #[case::same_host_by_http(&["http://dibs.example"], true)]
    #[case::null(&["null"], false)]
    #[case::two(&["https://console.example", "https://console.example"], false)]
    #[case::empty(&[""], false)]
    fn origins_are_compared_exactly(#[case] origins: &[&str], #[case] allowed: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "dibs.example".parse().unwrap());
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        assert_eq!(
            origin_allowed(&headers, &["https://console.example".parse().unwrap()]),
            allowed
        );
    }

    #[rstest]
    #[case("localhost:7070", "http://localhost:7070", true)]
    #[case("LOCALHOST:7070", "http://localhost:7070", true)]
    #[case("dibs.example:443", "https://dibs.example", true)]
    #[case("dibs.example:80", "https://dibs.example", false)]
    #[case("[::1]:7070", "http://[::1]:7070", true)]
    fn the_own_page_is_known_by_the_host(#[case] host: &str, #[case] origin: &str, #[case] allowed: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        assert_eq!(origin_allowed(&headers, &[]), allowed);
    }
}
