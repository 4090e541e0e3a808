//! Settings of TLS: the certificates that connections trust, and the one that they show.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Settings of TLS. Cheap to clone; any number of jobs can share one. Sessions are not shared: each job has its own.
#[derive(Clone, Debug)]
pub struct TlsConfig(Arc<ClientConfig>);

/// The reason why TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file with certificates or a key cannot be used.
    #[error("{path}: {why}")]
    File {
        /// Path of the file.
        path: String,
        /// Reason why it cannot be used.
        why: String,
    },
    /// The TLS library rejected a certificate or a key.
    #[error(transparent)]
    Rejected(#[from] rustls::Error),
}

impl TlsConfig {
    /// Returns a builder for settings that trust the system's certificates. Without the feature `native-roots`, they
    /// trust none until [`TlsBuilder::roots`] or [`TlsBuilder::add_root_file`] is called.
    #[must_use]
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }

    /// Returns the settings for another client than the one of a job.
    #[must_use]
    pub fn client_config(&self) -> ClientConfig {
        ClientConfig::clone(&self.0)
    }
}

/// Makes a [`TlsConfig`].
#[derive(Debug, Default)]
pub struct TlsBuilder {
    /// None stands for the system's.
    roots: Option<Arc<RootCertStore>>,
    added: Vec<CertificateDer<'static>>,
    trusts_any: bool,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl TlsBuilder {
    /// Trusts these certificates in place of the system's.
    #[must_use]
    pub fn roots(mut self, roots: impl Into<Arc<RootCertStore>>) -> Self {
        self.roots = Some(roots.into());
        self
    }

    /// Trusts the certificates in a PEM file as well.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has no certificate in it.
    pub fn add_root_file(mut self, path: &Path) -> Result<Self, TlsError> {
        self.added.extend(certificates(path)?);
        Ok(self)
    }

    /// Accepts any certificate. Connections are then encrypted, but may lead to anybody.
    #[must_use]
    pub fn trust_any_certificate(mut self) -> Self {
        self.trusts_any = true;
        self
    }

    /// Shows a certificate to servers that ask for one: two PEM files, the certificate with its chain, and the key.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not have in it what it should.
    pub fn client_certificate(mut self, certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let bytes = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| unusable(key, &error))?;
        self.identity = Some((certificates(certificate)?, private));
        Ok(self)
    }

    /// Makes the settings. The system's certificates are read once in a process, when they are first needed.
    ///
    /// # Errors
    ///
    /// A certificate, or the pair of a certificate and a key, is not valid.
    pub fn build(self) -> Result<TlsConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if self.trusts_any {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        } else {
            let mut roots = self.roots.unwrap_or_else(system_roots);
            for certificate in self.added {
                Arc::make_mut(&mut roots).add(certificate)?;
            }
            builder.with_root_certificates(roots)
        };
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => builder.with_client_auth_cert(certificates, key)?,
        };
        Ok(TlsConfig(Arc::new(config)))
    }
}

/// Returns the certificates that the system trusts, without those that cannot be parsed.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        #[allow(unused_mut)] // Without the feature.
        let mut roots = RootCertStore::empty();
        #[cfg(feature = "native-roots")]
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    Arc::clone(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| unusable(path, &error))?;
    if all.is_empty() { Err(unusable(path, &"it holds no certificate in PEM form")) } else { Ok(all) }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.display().to_string(), why: why.to_string() }
}

/// Accepts every certificate; signatures of the handshake are still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_of_the_system_are_read_once() {
        assert!(Arc::ptr_eq(&system_roots(), &system_roots()));
    }

    #[test]
    fn a_file_that_is_missing_or_empty_is_named() {
        let missing = TlsConfig::builder().add_root_file("/nowhere.pem".as_ref()).unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere.pem: "), "{missing}");
        let empty = TlsConfig::builder().add_root_file("/dev/null".as_ref()).unwrap_err();
        assert_eq!(empty.to_string(), "/dev/null: it holds no certificate in PEM form");
    }
}
