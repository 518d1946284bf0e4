//! Asking who serves what: nobody for one server, sentinels for a primary, any node for a Cluster.
//!
//! Deliberately absent: when to ask, and what to do with the answer (`supervisor`).

use super::options::{Kind, Node, Options};
use super::routes::{SLOTS, Topology};
use rand::seq::SliceRandom;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, cmd};
use tokio::time::timeout;

/// Who serves what, as the first that answers says; `known` are nodes of the last answer.
///
/// # Errors
/// A sentence about each that was asked.
pub(super) async fn resolve(options: &Options, known: &[Node]) -> Result<Topology, String> {
    if let (Kind::Single, [node, ..]) = (&options.kind, &options.seeds[..]) {
        return Ok(Topology::single(node.clone()));
    }
    let mut candidates = options.seeds.clone();
    if options.kind == Kind::Cluster {
        candidates.extend_from_slice(known);
        candidates.sort();
        candidates.dedup();
    }
    // Whom one asks first is chance: an instance does not depend on one that is behind.
    candidates.shuffle(&mut rand::rng());
    let mut failures = Vec::new();
    for node in candidates {
        let asked = async {
            match &options.kind {
                Kind::Sentinel(name) => ask_sentinel(options, &node, name).await,
                Kind::Cluster | Kind::Single => ask_cluster(options, &node).await,
            }
        };
        match timeout(options.probe, asked).await {
            Ok(Ok(topology)) => return Ok(topology),
            Ok(Err(error)) => failures.push(format!("{node}: {error}")),
            Err(_) => failures.push(format!("{node}: no answer within {:?}", options.probe)),
        }
    }
    Err(format!("nobody says where Redis is: {}", failures.join("; ")))
}

async fn connect(options: &Options, client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.probe))
        .set_response_timeout(Some(options.probe));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn ask_sentinel(options: &Options, node: &Node, name: &str) -> Result<Topology, String> {
    let client = options.sentinel_client(node).map_err(said)?;
    let mut connection = connect(options, &client).await.map_err(said)?;
    let answer: Option<(String, u16)> = cmd("SENTINEL")
        .arg("GET-MASTER-ADDR-BY-NAME")
        .arg(name)
        .query_async(&mut connection)
        .await
        .map_err(said)?;
    let (host, port) = answer.ok_or_else(|| format!("this sentinel knows no primary called {name}"))?;
    Ok(Topology::single(Node { host, port }))
}

async fn ask_cluster(options: &Options, node: &Node) -> Result<Topology, String> {
    let client = options.client(node).map_err(said)?;
    let mut connection = connect(options, &client).await.map_err(said)?;
    let slots: Vec<Vec<Value>> = cmd("CLUSTER")
        .arg("SLOTS")
        .query_async(&mut connection)
        .await
        .map_err(said)?;
    let mut ranges = Vec::with_capacity(slots.len());
    for range in &slots {
        ranges.push(read_range(range, node).ok_or("its answer about slots is not understood")?);
    }
    ranges.sort();
    if ranges.is_empty() {
        return Err("it knows no slots".to_owned());
    }
    Ok(Topology(ranges))
}

/// `[first, last, [host, port, …], replicas…]`; a host that is missing or empty is the one that was asked.
fn read_range(range: &[Value], asked: &Node) -> Option<(u16, u16, Node)> {
    let [first, last, Value::Array(primary), ..] = range else {
        return None;
    };
    let [host, port, ..] = &primary[..] else {
        return None;
    };
    let number = |value: &Value| match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    };
    let host = match host {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok()?,
        Value::SimpleString(text) => text.clone(),
        Value::Nil => String::new(),
        _ => return None,
    };
    let host = if host.is_empty() { asked.host.clone() } else { host };
    let (first, last, port) = (number(first)?, number(last)?, number(port)?);
    (first <= last && last < SLOTS).then_some((first, last, Node { host, port }))
}

/// An error of the library as a sentence, with the setting that is for it. It repeats what the server said, which holds
/// no password.
pub(super) fn said(error: redis::RedisError) -> String {
    const CA: &str = "nobody who is trusted signed its certificate: name a file with the certificate of who did in redis_ca";
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    let advice = [
        ("UnknownIssuer", CA),
        // Where somebody of the same name signed.
        ("BadSignature", CA),
        (
            "NotValidForName",
            "the certificate does not name the host of the URL",
        ),
        (
            "WRONGPASS",
            "the user and the password stand in redis or redis_file",
        ),
        ("NOAUTH", "the user and the password stand in redis or redis_file"),
    ];
    match advice.iter().find(|(sign, _)| text.contains(sign)) {
        Some((_, advice)) => format!("{text} ({advice})"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_a_host_is_served_by_who_was_asked() {
        let asked = Node {
            host: "a".to_owned(),
            port: 1,
        };
        let range = |host: Value, last| {
            let primary = Value::Array(vec![host, Value::Int(7), Value::Nil]);
            [Value::Int(5), Value::Int(last), primary]
        };
        let host = |host: &str, port| {
            let host = host.to_owned();
            Some((5, 9, Node { host, port }))
        };
        let named = Value::BulkString(b"b".to_vec());
        assert_eq!(read_range(&range(named.clone(), 9), &asked), host("b", 7));
        assert_eq!(read_range(&range(Value::Nil, 9), &asked), host("a", 7));
        for last in [4, 16_384, 70_000] {
            assert_eq!(read_range(&range(named.clone(), last), &asked), None);
        }
        assert_eq!(read_range(&[], &asked), None);
    }
}
