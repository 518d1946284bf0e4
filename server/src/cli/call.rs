//! `dibs call`: one command to a running server, and its answer as JSON.
//!
//! The command goes over as it was typed, but for its `id`: what is wrong with it the server says. A claim made here
//! lives on only while the same agent has another connection, such as `dibs tail`, and for the grace period after it.

use super::remote::Remote;
use super::{Failure, Outcome, say};
use clap::Args;
use dibs_client::{Connection, Fields, Incoming};
use dibs_protocol::refusal::Refusal;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The command's number: far above those that the connection itself gives out.
const ID: i64 = 1_000_000;
/// Commands that need a key. One is made up where none is given; who wants to repeat one safely names it.
const KEYED: [&str; 3] = ["reply", "note", "open"];

/// The flags of `dibs call`.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The command as JSON without its id, such as '{"type":"claim","conversation":"…"}'.
    #[arg(value_name = "JSON")]
    command: String,
    #[command(flatten)]
    remote: Remote,
}

impl Call {
    pub(super) fn run(self) -> Outcome {
        let frame = frame(&self.command)?;
        Remote::runtime()?.block_on(self.send(frame))
    }

    async fn send(&self, frame: String) -> Outcome {
        let options = self.remote.options("dibs-call")?;
        let mut connection = Connection::connect(&self.remote.url, &self.remote.token, &options)
            .await
            .map_err(|error| self.remote.failure(&error))?;
        connection.send_text(frame).await?;
        let answer = tokio::time::timeout(PATIENCE, answer(&mut connection)).await;
        let answer =
            answer.map_err(|_| Failure::new("no answer in time: it may or may not have been done"))??;
        connection.close().await;
        match answer {
            Ok(fields) => say(&format!("{}\n", serde_json::to_string(&fields)?)),
            Err(refusal) => {
                say(&format!("{}\n", serde_json::to_string(&refusal)?))?;
                Err(Failure::new(refusal.message))
            }
        }
    }
}

/// The command's frame.
fn frame(text: &str) -> Result<String, Failure> {
    let mut fields: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("the command is not a JSON object: {error}")))?;
    let Some(Value::String(name)) = fields.get("type") else {
        return Err(Failure::new(
            "the command has no type; it looks like {\"type\":\"ping\"}",
        ));
    };
    if KEYED.contains(&name.as_str()) {
        let key = || json!(uuid::Uuid::new_v4().to_string());
        fields.entry("key").or_insert_with(key);
    }
    fields.insert("id".to_owned(), json!(ID));
    Ok(serde_json::to_string(&fields)?)
}

/// The answer to the one command, whatever is pushed before it.
async fn answer(connection: &mut Connection) -> Result<Result<Fields, Refusal>, Failure> {
    loop {
        if let Incoming::Answer { id: ID, result } = connection.next().await? {
            return Ok(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Value {
        serde_json::from_str(&frame(text).unwrap()).unwrap()
    }

    #[test]
    fn an_id_is_supplied_and_everything_else_goes_as_typed() {
        let sent = sent(r#"{"type":"claim","conversation":"c","nonsense":null}"#);
        assert_eq!(
            sent,
            json!({"type": "claim", "conversation": "c", "nonsense": null, "id": ID})
        );
    }

    #[test]
    fn a_key_is_made_up_only_where_one_is_needed_and_missing() {
        assert!(sent(r#"{"type":"reply"}"#)["key"].is_string());
        assert_eq!(sent(r#"{"type":"note","key":"k"}"#)["key"], "k");
        assert!(sent(r#"{"type":"ping"}"#).get("key").is_none());
    }

    #[test]
    fn what_is_no_command_is_refused_before_dialling() {
        for text in ["claim", "[]", "{}", r#"{"type":1}"#] {
            assert!(frame(text).is_err(), "{text}");
        }
    }
}
