//! TLS of the listening socket: a certificate and its key, read from PEM files, and read anew while connections go on.
//!
//! Deliberately absent: who may connect, certificates of clients, asking for certificates (ACME).

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why a certificate and its key cannot be used. Never contains the key.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

/// The certificate that new connections are shown.
pub struct Tls {
    current: RwLock<TlsAcceptor>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads a certificate, with the chain behind it, and its key.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be read, is not PEM, or the two do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(read(certificate, key)?);
        Ok(Arc::new(Self { current }))
    }

    /// Reads both anew, for connections from now on.
    ///
    /// # Errors
    /// [`TlsError`]; then what was read before stays.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        let fresh = read(certificate, key)?;
        *self.current.write() = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().clone()
    }
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |error: &dyn std::fmt::Display| TlsError {
            path: path.clone(),
            message: error.to_string(),
        }
    };
    let (of_certificate, of_key) = (wrong(certificate), wrong(key));
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| of_certificate(&error))?;
    let chain: Vec<_> = chain
        .collect::<Result<_, _>>()
        .map_err(|error| of_certificate(&error))?;
    if chain.is_empty() {
        return Err(of_certificate(&"it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| of_certificate(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| of_certificate(&error))?;
    // Nothing else is spoken here: WebSockets begin as HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
