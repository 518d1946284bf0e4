//! One TypeScript file of all wire types, in alphabetical order, with their documentation.

use dibs_protocol::{answer, command, event, frame, http, refusal};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use ts_rs::{Config, TS, TypeVisitor};

struct Collect {
    config: Config,
    declarations: BTreeMap<String, String>,
    owners: BTreeMap<String, TypeId>,
    seen: BTreeSet<TypeId>,
}

impl TypeVisitor for Collect {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        if T::output_path().is_none() {
            T::visit_generics(self);
            T::visit_dependencies(self);
            return;
        }
        let name = T::ident(&self.config);
        let rival = self.owners.insert(name.clone(), TypeId::of::<T>());
        assert_eq!(rival, None, "two types are called {name} in TypeScript");
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("{}export {}\n", docs, T::decl(&self.config));
        self.declarations.insert(name, declaration);
        T::visit_dependencies(self);
    }
}

macro_rules! visit_all {
    ($visitor:expr; $($path:ident :: { $($name:ident),+ $(,)? })+) => {
        $($($visitor.visit::<$path::$name>();)+)+
    };
}

/// Which type answers which command; all others are answered by `Record<string, never>`.
pub const ANSWERS: &[(&str, &str)] = &[
    ("watch", "WatchAnswer"),
    ("history", "EntriesAnswer"),
    ("open_view", "OpenViewAnswer"),
    ("list", "ListAnswer"),
    ("open", "OpenAnswer"),
    ("claim", "ClaimAnswer"),
    ("release", "SeqAnswer"),
    ("transfer", "TransferAnswer"),
    ("cancel_transfer", "SeqAnswer"),
    ("answer_transfer", "TokenAnswer"),
    ("take_over", "TokenAnswer"),
    ("reply", "ReplyAnswer"),
    ("schedule_reply", "ReplyAnswer"),
    ("cancel_scheduled", "SeqAnswer"),
    ("note", "NoteAnswer"),
    ("update", "UpdateAnswer"),
    ("bulk", "BulkAnswer"),
    ("merge", "SeqAnswer"),
    ("split", "SplitAnswer"),
    ("read_marks", "ReadMarksAnswer"),
    ("mentions", "MentionsAnswer"),
    ("read_mentions", "ReadMentionsAnswer"),
    ("watch_agents", "WatchAgentsAnswer"),
    ("settings", "SettingsAnswer"),
    ("set_settings", "SetSettingsAnswer"),
    ("ping", "PingAnswer"),
];

const HEAD: &str = "// The Dibs protocol v1 as TypeScript. Generated from the Rust types of the protocol crate: change those.\n";

const FRAMES: &str = r#"
/** A frame of a client: the first one, a command, or a sign of typing. */
export type ClientFrame =
  | ({ type: "hello"; id: number } & Hello)
  | (Command & { id: number })
  | ({ type: "typing" } & TypingSignal);

/** All event kinds. */
export type EventKind = Event["kind"];
"#;

/// The file's content.
pub fn generate() -> String {
    let config = Config::new().with_large_int("number");
    let mut all = Collect {
        config,
        declarations: BTreeMap::new(),
        owners: BTreeMap::new(),
        seen: BTreeSet::new(),
    };
    visit_all!(all;
        command::{ Command }
        frame::{ Hello, Resume, TypingSignal, ServerFrame, Welcome }
        event::{ Event, EventEntry, RedactedEvent }
        refusal::{ Refusal, Code }
        answer::{
            WatchAnswer, EntriesAnswer, OpenViewAnswer, ListAnswer, OpenAnswer, ClaimAnswer, SeqAnswer,
            TransferAnswer, TokenAnswer, ReplyAnswer, NoteAnswer, UpdateAnswer, SplitAnswer, BulkAnswer, ReadMarksAnswer,
            MentionsAnswer, ReadMentionsAnswer, WatchAgentsAnswer, SettingsAnswer, SetSettingsAnswer,
            PingAnswer,
        }
        http::{ Ingest, IngestAnswer, Delivery, RatingBody, Disconnect, OutboxAnswer, PutSettings, Problem }
    );
    let mut file = HEAD.to_owned();
    for declaration in all.declarations.values() {
        file.push('\n');
        file.push_str(declaration);
    }
    file.push_str(FRAMES);
    file.push_str("\n/** What `ok` carries, by command. */\nexport interface Answers {\n");
    for name in command::Command::NAMES {
        let answer = ANSWERS.iter().find(|(command, _)| command == name);
        let answer = answer.map_or("Record<string, never>", |(_, answer)| answer);
        writeln!(file, "  {name}: {answer};").unwrap();
    }
    file.push_str("}\n");
    file.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
