//! Xandikos 0.4: it stores objects in git, lists no dates, and lists names with a colon as relative hrefs without `./`.

use std::process::Command;

use super::{PASSWORD, Process, TestServer, USER, environment};
use crate::client::Client;
use crate::program::Served;

/// A running Xandikos.
pub struct Xandikos {
    process: Process,
    tls: bool,
}

impl Xandikos {
    /// Starts a server without encryption and passwords.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(false)
    }

    /// Starts a server with passwords, and with TLS and a certificate that it generates itself.
    pub fn start_tls() -> anyhow::Result<Self> {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> anyhow::Result<Self> {
        let environment = environment()?;
        let process = Process::start(|folder, port| {
            let mut command = Command::new(environment.join("bin/xandikos"));
            command
                .arg("serve")
                .arg("-d")
                .arg(folder.join("data"))
                .arg("--state-dir")
                .arg(folder.join("state"));
            command.args([
                "--defaults",
                "--current-user-principal",
                "/alice/",
                "-l",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "--no-detect-systemd",
            ]);
            std::fs::create_dir(folder.join("data"))?;
            std::fs::create_dir(folder.join("state"))?;
            if tls {
                let hash = "import bcrypt,sys;print(sys.argv[1]+':'+bcrypt.hashpw(sys.argv[2].encode(),bcrypt.gensalt(4)).decode())";
                let users = Command::new(environment.join("bin/python"))
                    .args(["-c", hash, USER, PASSWORD])
                    .output()?;
                std::fs::write(folder.join("users"), users.stdout)?;
                command.arg("--autocert").arg("--htpasswd").arg(folder.join("users"));
            }
            Ok(command)
        })?;
        Ok(Self { process, tls })
    }
}

impl Served for Xandikos {
    fn location(&self) -> String {
        let scheme = if self.tls { "caldav" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/", self.process.port)
    }

    fn options(&self) -> Vec<String> {
        vec![if self.tls { "tls_no_verify=true".to_owned() } else { "insecure=true".to_owned() }]
    }

    fn credentials(&self) -> Option<(&str, &str)> {
        Some((USER, PASSWORD))
    }
}

impl TestServer for Xandikos {
    fn name(&self) -> &'static str {
        if self.tls { "Xandikos 0.4.10 with TLS" } else { "Xandikos 0.4.10" }
    }

    fn home(&self) -> &'static str {
        "/alice/calendars/"
    }

    fn client(&self) -> anyhow::Result<Client> {
        let scheme = if self.tls { "https" } else { "http" };
        Client::new(
            &format!("{scheme}://127.0.0.1:{}", self.process.port),
            self.tls.then_some((USER, PASSWORD)),
        )
    }

    fn odd_names(&self) -> &'static [&'static str] {
        // Measured: Xandikos treats only names that end in `.ics` as objects; it refuses `%2F` and a backslash.
        &[
            "with%20space.ics",
            "at%40sign.ics",
            "caf%C3%A9.ics",
            "%E6%97%A5%E6%9C%AC.ics",
            "plus+and~.ics",
            "Twin.ics",
            "twin.ics",
            "C:colon.ics",
            "percent%2541.ics",
            "semi;colon=1&x.ics",
        ]
    }
}
