//! The rules' promises: tables of commands whose last column is the answer, and properties of random histories.

mod claims;
mod deadlines;
mod filters;
mod ingest;
mod keys;
mod mentions;
mod notices;
mod orders;
mod permissions;
mod personal;
mod properties;
mod replies;
mod script;
mod transfers;
mod updates;
mod world;
