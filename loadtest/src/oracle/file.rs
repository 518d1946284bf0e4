//! Histories in files, one a line as JSON, so that several processes can load one hub and be judged together.

use super::witness::Witness;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Writes histories; a file of that name is replaced.
///
/// # Errors
/// When it cannot be written.
pub fn save(path: &Path, witnesses: &[Witness]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for witness in witnesses {
        serde_json::to_writer(&mut out, witness)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads histories.
///
/// # Errors
/// When the file cannot be read or is not what [`save`] writes.
pub fn load(path: &Path) -> io::Result<Vec<Witness>> {
    let lines = BufReader::new(File::open(path)?).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
