//! Copies of a data folder's file: made while a hub runs, and put back where none does.
//!
//! Deliberately absent: secrets, schedules, other machines. A copy is one file, whole as of one moment.

use super::{BUSY_WAIT, FILE, OpenError, SqliteLog, lock, prepare};
use crate::ports::Clock;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

impl SqliteLog {
    /// Writes everything that is stored in `folder` to a new file, as of one moment, also while a hub runs there: its
    /// writes go on meanwhile.
    ///
    /// # Errors
    /// [`OpenError`] when `folder` has no log, or `file` is there already or cannot be written.
    pub fn back_up(folder: &Path, file: &Path) -> Result<(), OpenError> {
        let path = folder.join(FILE);
        if file.exists() {
            let taken = "it is there already, and a backup overwrites nothing";
            return Err(OpenError::unusable(file, &taken));
        }
        let wrap = |error| OpenError::of(&path, error);
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, read_only).map_err(wrap)?;
        prepare(&conn).map_err(wrap)?;
        conn.busy_timeout(BUSY_WAIT).map_err(wrap)?;
        // What stands under its own name is whole: it is written beside first, and is on disk before it is named.
        let draft = file.with_extension("part");
        std::fs::remove_file(&draft).ok();
        let name = draft.to_string_lossy().into_owned();
        conn.execute("VACUUM INTO ?", [name]).map_err(wrap)?;
        let unusable = |error: io::Error| OpenError::unusable(file, &error);
        settle(&draft, file).map_err(unusable)
    }

    /// Puts a backup into a folder that has no log, and opens it there.
    ///
    /// # Errors
    /// [`OpenError`] when the folder has a log or is in use, or the backup is none.
    pub fn restore(file: &Path, folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::unusable(folder, &error))?;
        let path = folder.join(FILE);
        {
            let _alone = lock(folder)?;
            if path.exists() {
                let taken = "there is a log already: restore into an empty folder, or move this one away";
                return Err(OpenError::unusable(&path, &taken));
            }
            let draft = path.with_extension("part");
            std::fs::copy(file, &draft).map_err(|error| OpenError::unusable(file, &error))?;
            settle(&draft, &path).map_err(|error| OpenError::unusable(&path, &error))?;
        }
        Self::open(folder, clock)
    }
}

/// Gives a file its name once all of it is on disk.
fn settle(draft: &Path, file: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    std::fs::rename(draft, file)?;
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
