//! One JSON Schema document: what clients send (`$defs/client`, strict) and what servers send (`$defs/server`, open to growth).

use dibs_protocol::command::Command;
use dibs_protocol::frame::{Hello, ServerFrame, TypingSignal};
use dibs_protocol::{answer, http};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::typescript::ANSWERS;

/// The document, pretty-printed.
pub fn generate() -> String {
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dibs protocol v1",
        "description": "Frames over the WebSocket and bodies over HTTP. Generated from the Rust types of the protocol crate: change those.",
        "anyOf": [{ "$ref": "#/$defs/client/ClientFrame" }, { "$ref": "#/$defs/server/ServerFrame" }],
        "$defs": { "client": client(), "server": server() },
    });
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

fn integer() -> Value {
    json!({ "type": "integer", "minimum": -9_007_199_254_740_991_i64, "maximum": 9_007_199_254_740_991_i64 })
}

fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

/// Adds `type` and, for commands, `id` to the schema of a frame's own fields.
fn frame(mut fields: Value, name: &str, with_id: bool) -> Value {
    let object = fields.as_object_mut().unwrap();
    object.insert("type".into(), json!("object"));
    let properties = object
        .entry("properties")
        .or_insert_with(|| json!({}))
        .as_object_mut()
        .unwrap();
    properties.insert("type".into(), json!({ "const": name }));
    if with_id {
        properties.insert("id".into(), integer());
    }
    let required = object
        .entry("required")
        .or_insert_with(|| json!([]))
        .as_array_mut()
        .unwrap();
    required.push(json!("type"));
    if with_id {
        required.push(json!("id"));
    }
    fields
}

fn client() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.definitions_path = "/$defs/client".into();
    let mut generator = settings.into_generator();
    let mut frames = vec![
        frame(inline::<Hello>(&mut generator), "hello", true),
        frame(inline::<TypingSignal>(&mut generator), "typing", false),
    ];
    let commands = inline::<Command>(&mut generator);
    for command in commands["oneOf"].as_array().unwrap() {
        let name = command["properties"]["type"]["const"].as_str().unwrap();
        let fields = command
            .get("$ref")
            .and_then(Value::as_str)
            .map(|path| path.rsplit('/').next().unwrap());
        let mut own = match fields {
            Some(definition) => generator.definitions()[definition].clone(),
            None => command.clone(),
        };
        if let Some(required) = own.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| field != "type");
        }
        own["description"] = command["description"].clone();
        own["additionalProperties"] = json!(false);
        frames.push(frame(own, name, true));
    }
    for (name, schema) in [
        ("Ingest", inline::<http::Ingest>(&mut generator)),
        ("Delivery", inline::<http::Delivery>(&mut generator)),
        ("Disconnect", inline::<http::Disconnect>(&mut generator)),
        ("Rating", inline::<http::RatingBody>(&mut generator)),
        ("PutSettings", inline::<http::PutSettings>(&mut generator)),
    ] {
        generator.definitions_mut().insert(name.to_owned(), schema);
    }
    let mut definitions = generator.take_definitions(true);
    for command in commands["oneOf"].as_array().unwrap() {
        if let Some(path) = command.get("$ref").and_then(Value::as_str) {
            definitions.remove(path.rsplit('/').next().unwrap());
        }
    }
    let names: Vec<String> = frames.iter().map(definition_name).collect();
    for (name, frame) in names.iter().zip(frames) {
        definitions.insert(name.clone(), frame);
    }
    let references: Vec<Value> = names
        .iter()
        .map(|name| json!({ "$ref": format!("#/$defs/client/{name}") }))
        .collect();
    for (name, schema) in &mut definitions {
        never_null(schema, clearable(name));
    }
    definitions.insert("ClientFrame".into(), json!({ "oneOf": references }));
    sorted(definitions)
}

/// `frame.open_view` and so on.
fn definition_name(frame: &Value) -> String {
    format!("frame.{}", frame["properties"]["type"]["const"].as_str().unwrap())
}

macro_rules! bodies {
    ($generator:expr; $($path:ident :: { $($name:ident),+ $(,)? })+) => {
        $($(let _ = $generator.subschema_for::<$path::$name>();)+)+
    };
}

fn server() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/$defs/server".into();
    let mut generator = settings.into_generator();
    let _ = generator.subschema_for::<ServerFrame>();
    bodies!(generator;
        answer::{
            WatchAnswer, EntriesAnswer, OpenViewAnswer, ListAnswer, OpenAnswer, ClaimAnswer, SeqAnswer,
            TransferAnswer, TokenAnswer, ReplyAnswer, NoteAnswer, UpdateAnswer, SplitAnswer, BulkAnswer, ReadMarksAnswer,
            MentionsAnswer, ReadMentionsAnswer, WatchAgentsAnswer, SettingsAnswer, SetSettingsAnswer,
            PingAnswer,
        }
        http::{ IngestAnswer, OutboxAnswer, Problem }
    );
    let mut definitions = generator.take_definitions(true);
    for schema in definitions.values_mut() {
        open(schema);
        never_null(schema, &[]);
    }
    let answers: Map<String, Value> = Command::NAMES
        .iter()
        .map(|name| {
            let answer = ANSWERS.iter().find(|(command, _)| command == name);
            let schema = answer.map_or_else(
                || json!({ "type": "object" }),
                |(_, answer)| json!({ "$ref": format!("#/$defs/server/{answer}") }),
            );
            ((*name).to_owned(), schema)
        })
        .collect();
    definitions.insert(
        "Answers".into(),
        json!({ "description": "What `ok` carries, by command, besides `type` and `id`.", "type": "object", "properties": answers }),
    );
    sorted(definitions)
}

/// The optional fields that null clears, or whose null means none.
fn clearable(definition: &str) -> &'static [&'static str] {
    match definition {
        "frame.update" | "BulkAction" => &["snoozed_until", "assignee", "team", "subject"],
        "Filter" => &["assignee"],
        _ => &[],
    }
}

/// An optional field is absent, never null: takes null out of what optional properties may be.
fn never_null(schema: &mut Value, clearable: &[&str]) {
    match schema {
        Value::Object(object) => {
            let required = object
                .get("required")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
                for (name, property) in properties {
                    if !required.iter().any(|it| it == name) && !clearable.contains(&name.as_str()) {
                        without_null(property);
                    }
                }
            }
            object.values_mut().for_each(|it| never_null(it, clearable));
        }
        Value::Array(list) => list.iter_mut().for_each(|it| never_null(it, clearable)),
        _ => {}
    }
}

fn without_null(property: &mut Value) {
    if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
    if let Some(choices) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|it| it["type"] != "null");
        if let [only] = choices.as_slice() {
            let only = only.clone();
            let object = property.as_object_mut().unwrap();
            object.remove("anyOf");
            object.extend(only.as_object().unwrap().clone());
        }
    }
}

/// Clients ignore fields that they do not know: what servers send is never closed.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for key in ["additionalProperties", "unevaluatedProperties"] {
                if object.get(key) == Some(&Value::Bool(false)) {
                    object.remove(key);
                }
            }
            object.values_mut().for_each(open);
        }
        Value::Array(list) => list.iter_mut().for_each(open),
        _ => {}
    }
}

fn sorted(definitions: Map<String, Value>) -> Value {
    let ordered: std::collections::BTreeMap<String, Value> = definitions.into_iter().collect();
    serde_json::to_value(ordered).unwrap()
}
