//! Secrets for HS256: what makes one good enough, and the one that a server without keys makes for itself.

use crate::config::Secret;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The name of the secret's file in the data folder.
pub const SECRET_FILE: &str = "auth-secret";
/// Shortest secret, in bytes: the length of the hash, as RFC 7518 (section 3.2) demands of HS256.
pub const SECRET_MIN: usize = 32;

/// Reads a secret from a file, without the line ends after it.
pub(super) fn read(path: &Path) -> io::Result<Secret> {
    Ok(Secret::new(
        fs::read_to_string(path)?.trim_end_matches(['\r', '\n']),
    ))
}

/// Why a secret will not do, if it will not.
pub(super) fn weakness(secret: &Secret) -> Option<String> {
    let text = secret.expose();
    if text.trim_start().starts_with("-----BEGIN") {
        return Some(
            "this is a PEM key where a secret is wanted; public keys go to auth_public_keys".to_owned(),
        );
    }
    (text.len() < SECRET_MIN).then(|| {
        format!(
            "it has {} bytes and needs {SECRET_MIN}; `openssl rand -hex 32` makes a good one",
            text.len()
        )
    })
}

/// The secret in the data folder, made if it is not there. The second value says whether it was made now.
pub(super) fn read_or_make(data: &Path) -> io::Result<(Secret, bool)> {
    let path = file(data);
    match read(&path) {
        Ok(secret) => return Ok((secret, false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    make_folder(data)?;
    let bytes: [u8; SECRET_MIN] = rand::random();
    let secret = Secret::new(hex::encode(bytes));
    // Written aside (mode 0600 from the start) and moved: a crash leaves no half of a secret behind.
    let mut aside = tempfile::NamedTempFile::new_in(data)?;
    writeln!(aside, "{}", secret.expose())?;
    aside.as_file().sync_all()?;
    match aside.persist_noclobber(&path) {
        Ok(_) => {}
        // Another server starting at the same moment was first: its secret is the one.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok((read(&path)?, false)),
        Err(error) => return Err(error.error),
    }
    File::open(data)?.sync_all()?;
    Ok((secret, true))
}

/// Where the secret is in a data folder.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join(SECRET_FILE)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (first, made) = read_or_make(&data).unwrap();
        let (second, made_again) = read_or_make(&data).unwrap();
        assert!(made && !made_again);
        assert_eq!(first, second);
        assert_eq!(weakness(&first), None);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        read_or_make(folder.path()).unwrap();
        let mode = fs::metadata(file(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn short_secrets_and_pem_texts_will_not_do() {
        assert!(weakness(&Secret::new("a".repeat(31))).is_some());
        assert!(weakness(&Secret::new("a".repeat(32))).is_none());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}", "A".repeat(64));
        assert!(weakness(&Secret::new(pem)).unwrap().contains("PEM"));
    }
}
