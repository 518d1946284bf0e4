//! The settings of Redis, checked: URLs as they were given, or a file that holds them.
//!
//! Deliberately absent: connecting, and what a URL means (`bus::redis`).

use super::ConfigError;
use super::settings::Settings;
use super::values::Secret;
use crate::bus::redis::{BadOptions, DEFAULT_PREFIX, Options};
use std::path::{Path, PathBuf};

/// Where instances meet.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    source: Source,
    prefix: String,
    ca: Option<PathBuf>,
}

/// Where the URLs are.
#[derive(Clone, Debug)]
enum Source {
    Given(Vec<Secret>),
    File(PathBuf),
}

impl RedisConfig {
    /// What the settings say about Redis; nothing when they name none.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] for what cannot work.
    pub(super) fn check(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let given = settings.redis.clone().filter(|urls| !urls.is_empty());
        let source = match (given, &settings.redis_file) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::setting(
                    "redis",
                    "redis_file is set as well; one must go",
                ));
            }
            (Some(urls), None) => Source::Given(urls),
            (None, Some(file)) => Source::File(file.clone()),
            (None, None) if settings.redis_ca.is_some() => {
                return Err(ConfigError::setting("redis_ca", "it needs redis or redis_file"));
            }
            (None, None) => return Ok(None),
        };
        let prefix = settings.redis_prefix.as_deref().unwrap_or(DEFAULT_PREFIX);
        let config = Self {
            source,
            prefix: prefix.to_owned(),
            ca: settings.redis_ca.clone(),
        };
        if let Source::Given(urls) = &config.source {
            let options = config.parse(urls)?;
            if config.ca.is_some() && !options.uses_tls() {
                return Err(in_the_clear());
            }
        }
        Ok(Some(config))
    }

    /// How to reach Redis. Reads the files that the settings name.
    ///
    /// # Errors
    /// [`ConfigError`] when one cannot be read, or holds what cannot work.
    pub fn options(&self) -> Result<Options, ConfigError> {
        let options = match &self.source {
            Source::Given(urls) => self.parse(urls)?,
            Source::File(file) => self.parse(&[Secret::new(read("redis_file", file)?)])?,
        };
        match &self.ca {
            Some(_) if !options.uses_tls() => Err(in_the_clear()),
            Some(file) => Ok(options.with_ca(read("redis_ca", file)?.into_bytes())),
            None => Ok(options),
        }
    }

    fn parse(&self, urls: &[Secret]) -> Result<Options, ConfigError> {
        let name = match self.source {
            Source::Given(_) => "redis",
            Source::File(_) => "redis_file",
        };
        let wrong = |name: &str| {
            let name = name.to_owned();
            move |error: BadOptions| ConfigError::setting(name, error.to_string())
        };
        let texts: Vec<&str> = urls.iter().map(Secret::expose).collect();
        let options = Options::parse(&texts).map_err(wrong(name))?;
        options.with_prefix(&self.prefix).map_err(wrong("redis_prefix"))
    }
}

fn in_the_clear() -> ConfigError {
    let message = "redis does not ask for TLS: its URLs must begin with rediss";
    ConfigError::setting("redis_ca", message)
}

fn read(name: &str, path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::setting(name, format!("cannot read {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    fn checked(text: &str) -> Result<Option<RedisConfig>, String> {
        RedisConfig::check(&settings(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_redis_there_is_none() {
        assert!(checked("").unwrap().is_none());
        assert!(checked("redis = []\nredis_prefix = 'x:'").unwrap().is_none());
    }

    #[test]
    fn urls_are_read_from_settings_or_a_file_and_their_passwords_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("redis");
        std::fs::write(&file, "redis://u:hunter2@a:1\n").unwrap();
        let file = format!("redis_file = '{}'\nredis_prefix = 'eu:'", file.display());
        for text in ["redis = ['redis://u:hunter2@a:1']\nredis_prefix = 'eu:'", &file] {
            let config = checked(text).unwrap().unwrap();
            let shown = format!("{config:?} {:?}", config.options().unwrap());
            assert!(shown.contains("eu:") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (text, name) in [
            ("redis = ['http://u:hunter2@a']", "redis is wrong"),
            (
                "redis = ['redis://a']\nredis_prefix = '{a}'",
                "redis_prefix is wrong",
            ),
            ("redis = ['redis://a']\nredis_file = 'x'", "redis is wrong"),
            ("redis = ['redis://a']\nredis_ca = 'x'", "rediss"),
            ("redis_ca = 'x'", "redis_ca is wrong"),
        ] {
            let message = checked(text).unwrap_err();
            assert!(
                message.contains(name) && !message.contains("hunter2"),
                "{message}"
            );
        }
        let missing = checked("redis_file = '/nowhere/redis'").unwrap().unwrap();
        assert!(
            missing
                .options()
                .unwrap_err()
                .to_string()
                .contains("/nowhere/redis")
        );
        let missing = checked("redis = ['rediss://a']\nredis_ca = '/nowhere/ca'")
            .unwrap()
            .unwrap();
        assert!(missing.options().unwrap_err().to_string().contains("/nowhere/ca"));
    }
}
