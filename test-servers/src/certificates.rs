//! What a server needs for TLS. Tests issue it; nothing here does.

use std::path::Path;

/// A certificate authority, and a certificate of it for the loopback address; all in PEM.
pub struct Certificates {
    /// The authority's certificate.
    pub ca: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's key.
    pub key: String,
}

impl Certificates {
    /// Writes `ca.pem`, `cert.pem` and `key.pem`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, text) in [("ca.pem", &self.ca), ("cert.pem", &self.certificate), ("key.pem", &self.key)] {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    }
}
