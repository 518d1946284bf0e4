//! Reading frames of clients strictly: unknown, doubled, missing and ill-typed fields are refused by name.

use crate::command::Command;
use crate::frame::{ClientFrame, Hello, TypingSignal};
use crate::limits::INTEGER_MAX;
use crate::refusal::{Code, Refusal};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The fields of a JSON object, in order, values still unread.
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        input.deserialize_map(Collect)
    }
}

/// A field's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        input.deserialize_str(Borrow)
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str) -> Result<Option<&'a RawValue>, Refusal> {
        let mut found = None;
        let mut doubled = false;
        self.0.retain(|(field, value)| {
            if field != name {
                return true;
            }
            doubled |= found.replace(*value).is_some();
            false
        });
        if doubled {
            Err(Refusal::invalid(name, &format!("{name} stands twice")))
        } else {
            Ok(found)
        }
    }

    /// Reads the fields as a `T`.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Result<T, Refusal> {
        let map = MapDeserializer::<_, serde_json::Error>::new(self.0.into_iter());
        serde_path_to_error::deserialize(map).map_err(|e| {
            let path = e.path().to_string();
            field_error(&path, &e.into_inner().to_string())
        })
    }
}

/// Makes a refusal of serde's message, whose field is in the path or, for unknown and missing ones, in the text.
fn field_error(path: &str, message: &str) -> Refusal {
    let path = path
        .trim_start_matches('.')
        .trim_end_matches('?')
        .trim_end_matches('.');
    let message = message.split(" at line ").next().unwrap_or(message);
    let quoted = message.split('`').nth(1).unwrap_or("");
    let names_field = ["unknown field", "missing field", "duplicate field"]
        .iter()
        .any(|it| message.starts_with(it));
    let field = match (path, names_field) {
        (path, false) => path.to_owned(),
        ("", true) => quoted.to_owned(),
        (path, true) if path == quoted || path.ends_with(&format!(".{quoted}")) => path.to_owned(),
        (path, true) => format!("{path}.{quoted}"),
    };
    let message = match message.split_once(", expected") {
        Some((what, _)) if what.starts_with("unknown field") => what,
        _ => message,
    };
    let field = cut(&field, 100);
    let place = if names_field || field.is_empty() {
        String::new()
    } else {
        format!("{field}: ")
    };
    Refusal::invalid(&field, &format!("{place}{}.", cut(&for_people(message), 200)))
}

/// At most `max` characters of what a client wrote: a refusal does not send its frame back.
fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// Serde speaks of Rust's types; people who write clients know JSON's.
fn for_people(message: &str) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("expected u64", "expected an integer from 0"),
        ("expected u8", "expected an integer from 0 to 255"),
        ("expected a sequence", "expected an array"),
        ("expected variant identifier", "expected a string"),
        ("invalid type: sequence", "invalid type: array"),
        ("invalid type: map", "invalid type: object"),
        ("unknown variant", "unknown value"),
    ];
    NAMES
        .iter()
        .fold(message.to_owned(), |text, (rust, json)| text.replace(rust, json))
}

/// Why a frame could not be read.
#[derive(Debug, Clone, PartialEq)]
pub enum BadFrame {
    /// Not a JSON object with a usable `id`: answered with `id:null`, and counted.
    Unanswerable(Refusal),
    /// Answered with its `id`.
    Refused(i64, Refusal),
}

/// Reads a client's frame.
///
/// # Errors
/// [`BadFrame`] with the refusal to answer.
pub fn client_frame(text: &str) -> Result<ClientFrame, BadFrame> {
    let mut fields: Fields<'_> = serde_json::from_str(text).map_err(|e| {
        BadFrame::Unanswerable(Refusal::new(
            Code::Invalid,
            &format!("The frame is not a JSON object: {e}."),
        ))
    })?;
    let kind = take_type(&mut fields);
    if kind.as_deref() == Ok("typing") {
        let signal: TypingSignal = fields.read().map_err(BadFrame::Unanswerable)?;
        return Ok(ClientFrame::Typing(signal));
    }
    let id = take_id(&mut fields).map_err(BadFrame::Unanswerable)?;
    let kind = kind.map_err(|refusal| BadFrame::Refused(id, refusal))?;
    if kind == "hello" {
        let hello: Hello = fields.read().map_err(|refusal| BadFrame::Refused(id, refusal))?;
        hello.check().map_err(|refusal| BadFrame::Refused(id, refusal))?;
        return Ok(ClientFrame::Hello(id, Box::new(hello)));
    }
    match Command::from_fields(&kind, fields) {
        Some(Ok(command)) => match command.check() {
            Ok(()) => Ok(ClientFrame::Command(id, Box::new(command))),
            Err(refusal) => Err(BadFrame::Refused(id, refusal)),
        },
        Some(Err(refusal)) => Err(BadFrame::Refused(id, refusal)),
        None => {
            let name: String = kind.chars().filter(|c| !c.is_control()).take(64).collect();
            let message = format!("There is no command {name:?}.");
            Err(BadFrame::Refused(
                id,
                Refusal::new(Code::UnknownCommand, &message),
            ))
        }
    }
}

fn take_type<'a>(fields: &mut Fields<'a>) -> Result<Cow<'a, str>, Refusal> {
    let raw = fields.take("type")?;
    let raw = raw.ok_or_else(|| Refusal::invalid("type", "type is missing."))?;
    if let Ok(plain) = serde_json::from_str::<&'a str>(raw.get()) {
        return Ok(Cow::Borrowed(plain));
    }
    let escaped: Result<String, _> = serde_json::from_str(raw.get());
    escaped
        .map(Cow::Owned)
        .map_err(|_| Refusal::invalid("type", "type must be a string."))
}

fn take_id(fields: &mut Fields<'_>) -> Result<i64, Refusal> {
    let bad = || Refusal::invalid("id", "id must be an integer below 2^53.");
    let raw = fields.take("id")?.ok_or_else(bad)?;
    let id: i64 = serde_json::from_str(raw.get()).map_err(|_| bad())?;
    if id.unsigned_abs() > INTEGER_MAX {
        Err(bad())
    } else {
        Ok(id)
    }
}

/// Reads the JSON body of an HTTP request as strictly as a frame.
///
/// # Errors
/// `invalid`, naming the field.
pub fn http_body<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Refusal> {
    let text =
        std::str::from_utf8(text).map_err(|_| Refusal::new(Code::Invalid, "The body is not UTF-8."))?;
    json(text)
}

/// Reads a JSON object strictly.
///
/// # Errors
/// `invalid`, naming the field.
pub fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    let fields: Fields<'_> = serde_json::from_str(text)
        .map_err(|e| Refusal::new(Code::Invalid, &format!("This is not a JSON object: {e}.")))?;
    fields.read()
}
