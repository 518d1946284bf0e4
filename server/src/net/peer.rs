//! Who is on the other end: the client's address, behind proxies that are believed.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Where a request comes from. In the extensions of every request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The client's address, as far as believed proxies tell.
    pub addr: IpAddr,
    /// The other end of the TCP connection.
    pub direct: SocketAddr,
}

/// Whether `address` belongs to a proxy whose word is believed.
pub(super) fn is_trusted(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The client's address by `X-Forwarded-For`: of the addresses from the right, each written by the hop after it, the
/// first that is no believed proxy. `from` is where the request came from; unless it is believed, it is the client.
///
/// An entry that is not an address ends the walk: what stands left of it cannot be believed.
pub(super) fn forwarded(networks: &[IpNet], from: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = from.to_canonical();
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    for line in lines.iter().rev() {
        let Ok(line) = line.to_str() else { return client };
        for entry in line.rsplit(',') {
            if !is_trusted(networks, client) {
                return client;
            }
            let Some(address) = address(entry.trim()) else {
                return client;
            };
            client = address;
        }
    }
    client
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let address = match text.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => match text.parse::<SocketAddr>() {
            Ok(address) => address.ip(),
            Err(_) => text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn networks() -> Vec<IpNet> {
        vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
    }

    #[rstest]
    #[case::no_header("10.0.0.1", &[], "10.0.0.1")]
    #[case::not_believed("192.0.2.1", &["203.0.113.9"], "192.0.2.1")]
    #[case::one_proxy("10.0.0.1", &["203.0.113.9"], "203.0.113.9")]
    #[case::forged_by_the_client("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9")]
    #[case::two_proxies("10.0.0.1", &["203.0.113.9, 10.0.0.2"], "203.0.113.9")]
    #[case::two_lines("10.0.0.1", &["198.51.100.1", "203.0.113.9,10.0.0.2"], "203.0.113.9")]
    #[case::only_proxies("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3")]
    #[case::with_ports("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9")]
    #[case::v6("fd00::1", &["[2001:db8::9]:4711, [fd00::2]"], "2001:db8::9")]
    #[case::mapped("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9")]
    #[case::nonsense("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2")]
    fn the_client_is_the_rightmost_address_that_is_no_proxy(
        #[case] from: &str,
        #[case] lines: &[&str],
        #[case] client: &str,
    ) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        assert_eq!(
            forwarded(&networks(), from.parse().unwrap(), &headers).to_string(),
            client
        );
    }
}
