//! Radicale 3.9: it rewrites every object, speaks HTTP/1.0 only, and delays every 401.

use std::process::Command;

use super::{PASSWORD, Process, TestServer, USER, environment};
use crate::Certificates;
use crate::client::Client;
use crate::program::Served;

/// A running Radicale.
pub struct Radicale {
    process: Process,
    tls: bool,
}

impl Radicale {
    /// Starts a server without encryption.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(None)
    }

    /// Starts a server with TLS. The certificate of the authority is `ca.pem` in the server's folder.
    pub fn start_tls(certificates: &Certificates) -> anyhow::Result<Self> {
        Self::start_with(Some(certificates))
    }

    fn start_with(certificates: Option<&Certificates>) -> anyhow::Result<Self> {
        let environment = environment()?;
        let process = Process::start(|folder, port| {
            std::fs::write(folder.join("users"), format!("{USER}:{PASSWORD}\n"))?;
            let mut config = format!(
                "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {0}/users\nhtpasswd_encryption = plain\ndelay = 0\n[rights]\ntype = owner_only\n[storage]\nfilesystem_folder = {0}/collections\n[logging]\nlevel = warning\n",
                folder.display()
            );
            if let Some(certificates) = certificates {
                certificates.write(folder)?;
                config = config.replace(
                    "[auth]",
                    &format!(
                        "ssl = True\ncertificate = {0}/cert.pem\nkey = {0}/key.pem\n[auth]",
                        folder.display()
                    ),
                );
            }
            std::fs::write(folder.join("config"), config)?;
            let mut command = Command::new(environment.join("bin/python"));
            command.args(["-m", "radicale", "--config"]).arg(folder.join("config"));
            Ok(command)
        })?;
        Ok(Self { process, tls: certificates.is_some() })
    }
}

impl Served for Radicale {
    fn location(&self) -> String {
        let scheme = if self.tls { "caldav" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/", self.process.port)
    }

    fn options(&self) -> Vec<String> {
        let ca = self.process.folder.path().join("ca.pem");
        vec![if self.tls { format!("tls_ca={}", ca.display()) } else { "insecure=true".to_owned() }]
    }

    fn credentials(&self) -> Option<(&str, &str)> {
        Some((USER, PASSWORD))
    }
}

impl TestServer for Radicale {
    fn name(&self) -> &'static str {
        if self.tls { "Radicale 3.9.0 with TLS" } else { "Radicale 3.9.0" }
    }

    fn home(&self) -> &'static str {
        "/alice/"
    }

    fn client(&self) -> anyhow::Result<Client> {
        let scheme = if self.tls { "https" } else { "http" };
        Client::new(&format!("{scheme}://127.0.0.1:{}", self.process.port), Some((USER, PASSWORD)))
    }

    fn odd_names(&self) -> &'static [&'static str] {
        // Measured: Radicale refuses `:`, `%2F`, quotes and a leading dot; names above 255 bytes are an error.
        &[
            "with%20space.ics",
            "at%40sign.ics",
            "caf%C3%A9.ics",
            "%E6%97%A5%E6%9C%AC.ics",
            "plus+and~.ics",
            "Twin.ics",
            "twin.ics",
            "no-extension",
            "percent%2541.ics",
            "semi;colon=1&x.ics",
        ]
    }
}
