//! Certificates of a server, as files. `host-tests` issues them.

use std::path::Path;

/// A certificate authority, and a certificate that it has issued for 127.0.0.1; all in PEM.
pub struct Certificates {
    /// Certificate of the authority, which clients trust.
    pub ca: String,
    /// Certificate of the server.
    pub certificate: String,
    /// Private key of the server.
    pub key: String,
}

impl Certificates {
    /// Writes `ca.pem`, `cert.pem` and `key.pem` to a folder.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, text) in [("ca.pem", &self.ca), ("cert.pem", &self.certificate), ("key.pem", &self.key)] {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    }
}
