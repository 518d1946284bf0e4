//! TLS to PostgreSQL: rustls with the system's certificates, or with those of a file.
//!
//! Certificates are always verified; whether TLS is used at all says `sslmode` in the URL.

use super::OpenError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a server's certificate is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Who signed it, and that it names the host of the URL.
    Name,
    /// Who signed it only: for a private authority whose servers are reached under other names.
    Signature,
}

/// Makes TLS connections that trust the certificates of `file` (PEM), or the system's.
///
/// # Errors
/// [`OpenError::Certificates`] when the file holds no certificate that can be used.
pub(super) fn connector(file: Option<&Path>, verify: Verify) -> Result<MakeRustlsConnect, OpenError> {
    let roots = match file {
        Some(path) => of_file(path)?,
        // A system without certificates can still connect without TLS.
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let unusable = |error: &dyn std::fmt::Display| OpenError::Certificates(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    let config = match verify {
        Verify::Name => builder.with_root_certificates(roots),
        // Without any authority there is nothing to verify with.
        Verify::Signature if roots.is_empty() => return Err(unusable(&"the system trusts nobody")),
        Verify::Signature => {
            let signed = Signed::new(Arc::new(roots), provider).map_err(|error| unusable(&error))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(signed))
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn of_file(path: &Path) -> Result<RootCertStore, OpenError> {
    let wrong = |why: &dyn std::fmt::Display| OpenError::Certificates(format!("{}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"it holds no certificate"));
    }
    Ok(roots)
}

/// `sslmode=verify-ca`: everything is verified but the name.
#[derive(Debug)]
struct Signed {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    /// What proves that the server has the certificate's key.
    usual: Arc<WebPkiServerVerifier>,
}

impl Signed {
    fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build()?;
        Ok(Self {
            roots,
            provider,
            usual,
        })
    }
}

impl ServerCertVerifier for Signed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
