//! A certificate authority for one test.

use std::path::Path;

/// A CA, and a certificate of it for the loopback address; all in PEM.
pub struct Certificates {
    /// The CA's certificate.
    pub ca: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's key.
    pub key: String,
}

impl Certificates {
    /// Makes new ones.
    pub fn new() -> anyhow::Result<Self> {
        let ca_key = rcgen::KeyPair::generate()?;
        let mut ca = rcgen::CertificateParams::new(Vec::<String>::new())?;
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = ca.self_signed(&ca_key)?.pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names)?.signed_by(&key, &issuer)?.pem();
        Ok(Self { ca: own, certificate, key: key.serialize_pem() })
    }

    /// Writes `ca.pem`, `cert.pem` and `key.pem`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, text) in [("ca.pem", &self.ca), ("cert.pem", &self.certificate), ("key.pem", &self.key)] {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    }
}
