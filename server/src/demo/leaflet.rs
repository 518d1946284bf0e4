//! What the demo says at its start: where to look, and what to type. Pure.

use super::cast::{CHANNELS, WORKSPACE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the leaflet is about.
pub(super) struct Leaflet<'a> {
    /// Where the hub is reached from this machine.
    pub address: SocketAddr,
    /// How this program was called.
    pub program: &'a str,
    /// The dice's seed.
    pub seed: u64,
    /// How many agents there are besides the bot.
    pub agents: usize,
    /// How many customers there are at a time.
    pub customers: usize,
    /// The token of the person at the keyboard.
    pub you: &'a str,
    /// The supervisor's.
    pub supervisor: &'a str,
    /// The one of the channel for the command line.
    pub channel: &'a str,
}

/// The address as this machine reaches it.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Leaflet<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        let Self {
            address,
            program,
            seed,
            agents,
            customers,
            you,
            supervisor,
            channel,
        } = self;
        let chat = CHANNELS[1];
        format!(
            r#"Dibs demo: {agents} agents, a bot and a supervisor answer {customers} customers at a time (--seed {seed}).

Take a seat in the browser, as an agent:

  http://{address}/#token={you}

or as the supervisor:

  http://{address}/#token={supervisor}

Or look over the team's shoulders in another terminal, as yourself:

  export DIBS_URL=ws://{address}/v1/ws DIBS_TOKEN={you}
  {program} tail --view unclaimed
  {program} call '{{"type":"list","filter":{{"claimed":false,"status":["new"]}},"sort":"waiting","limit":1}}'
  {program} call '{{"type":"claim","conversation":"ID"}}'

As a supervisor:

  {program} tail --view all --token {supervisor}

As a customer:

  curl http://{address}/v1/workspaces/{WORKSPACE}/messages -H 'content-type: application/json' \
    -H 'authorization: Bearer {channel}' \
    -d '{{"key":"1","channel":"{chat}","customer":{{"id":"me","name":"Me"}},"text":"Is anybody there?"}}'

Ctrl-C ends it.

"#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_in_it_is_whole() {
        let leaflet = Leaflet {
            address: "127.0.0.1:7070".parse().unwrap(),
            program: "dibs",
            seed: 4,
            agents: 6,
            customers: 12,
            you: "YOU",
            supervisor: "BOSS",
            channel: "CHANNEL",
        };
        let text = leaflet.text();
        for part in [
            "http://127.0.0.1:7070/#token=YOU\n",
            "http://127.0.0.1:7070/#token=BOSS\n",
            "dibs tail --view all --token BOSS",
            "DIBS_URL=ws://127.0.0.1:7070/v1/ws DIBS_TOKEN=YOU",
            "Bearer CHANNEL",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        for line in text.lines().filter(|line| line.contains('{')) {
            let json = line.split('\'').nth(1).unwrap();
            serde_json::from_str::<serde_json::Value>(json).unwrap();
        }
    }

    #[test]
    fn a_hub_on_all_addresses_is_reached_on_loopback() {
        assert_eq!(
            reachable("0.0.0.0:80".parse().unwrap()),
            "127.0.0.1:80".parse().unwrap()
        );
        assert_eq!(reachable("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
    }
}
