//! The options that the host keeps to itself: what a job may do, and where a password comes from.
//! Everything else goes to the connector, which knows its own options.

use std::path::{Path, PathBuf};
use std::process::Command;

use connector_host::egress::tls::TlsError;
use connector_host::{Error, JobConfig, Limits, TlsConfig};

/// The options this module takes out of the list.
pub const HOST_OPTIONS: &[&str] = &[
    "insecure",
    "tls_ca",
    "tls_no_verify",
    "tls_cert",
    "tls_key",
    "allow_hosts",
    "password_file",
    "password_command",
];

/// Splits options into what the host grants and what the connector is told. Every wrong option of the
/// host's is reported at once.
pub fn split(
    options: Vec<(String, String)>,
    limits: Limits,
) -> Result<(JobConfig, Vec<(String, String)>), Error> {
    let (own, mut rest): (Vec<_>, Vec<_>) =
        options.into_iter().partition(|(name, _)| HOST_OPTIONS.contains(&name.as_str()));
    let value = |name: &str| {
        own.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    };
    let path = |name: &str| value(name).map(PathBuf::from);
    let mut problems = Vec::new();
    let mut flag = |name: &str| match value(name) {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            problems.push(format!("{name}: {other} is neither true nor false."));
            false
        }
    };
    let (insecure, no_verify) = (flag("insecure"), flag("tls_no_verify"));
    let (certificate, key) = (path("tls_cert"), path("tls_key"));
    if certificate.is_some() != key.is_some() {
        problems.push("tls_cert, tls_key: one does not work without the other.".to_owned());
    }
    let tls = tls(path("tls_ca").as_deref(), no_verify, certificate.as_deref().zip(key.as_deref()));
    let tls = tls.map_err(|error| problems.push(format!("tls_ca, tls_cert, tls_key: {error}."))).ok();
    if let Some(password) = password(value("password_file"), value("password_command"), &rest).transpose() {
        match password {
            Ok(password) => rest.push(("password".to_owned(), password)),
            Err(problem) => problems.push(problem),
        }
    }
    let allow_hosts =
        value("allow_hosts").unwrap_or_default().split(',').map(str::trim).filter(|host| !host.is_empty());
    let config = JobConfig::new().plain_http(insecure).limits(limits);
    let config = allow_hosts.fold(config, JobConfig::allow_host);
    match tls {
        Some(tls) if problems.is_empty() => Ok((config.tls(tls), rest)),
        _ => Err(Error::InvalidOptions(problems.join("\n"))),
    }
}

/// The settings of TLS: the system's certificates and those in `ca`, or any certificate at all.
fn tls(ca: Option<&Path>, no_verify: bool, identity: Option<(&Path, &Path)>) -> Result<TlsConfig, TlsError> {
    let mut builder = TlsConfig::builder();
    if no_verify {
        builder = builder.trust_any_certificate();
    } else if let Some(ca) = ca {
        builder = builder.add_root_file(ca)?;
    }
    if let Some((certificate, key)) = identity {
        builder = builder.client_certificate(certificate, key)?;
    }
    builder.build()
}

/// The password that a file or a command gives: its first line.
fn password(
    file: Option<&str>,
    command: Option<&str>,
    rest: &[(String, String)],
) -> Result<Option<String>, String> {
    let given = rest.iter().any(|(name, value)| name == "password" && !value.is_empty());
    let text = match (file, command) {
        (None, None) => return Ok(None),
        _ if given => {
            return Err("password: given twice; leave out password_file and password_command.".to_owned());
        }
        (Some(_), Some(_)) => return Err("password_file, password_command: only one of them.".to_owned()),
        (Some(file), None) => {
            std::fs::read_to_string(file).map_err(|error| format!("password_file: {file}: {error}."))?
        }
        (None, Some(command)) => {
            let output = Command::new("sh")
                .arg("-c")
                .arg(command)
                .stdin(std::process::Stdio::null())
                .stderr(std::process::Stdio::inherit())
                .output();
            let output = output.map_err(|error| format!("password_command: {error}."))?;
            if !output.status.success() {
                return Err(format!("password_command: it failed ({}).", output.status));
            }
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
    };
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Some(line.to_owned())),
        _ => Err("password_file, password_command: the first line is empty.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_of(pairs: &[(&str, &str)]) -> Result<(JobConfig, Vec<(String, String)>), Error> {
        split(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), Limits::default())
    }

    #[test]
    fn the_connector_is_told_the_rest() {
        let (config, rest) = split_of(&[
            ("location", "x"),
            ("insecure", "true"),
            ("allow_hosts", "a, *.b:8443"),
            ("password_command", "echo hush; echo more"),
        ])
        .unwrap();
        assert!(config.plain_http);
        assert_eq!(config.allowed_hosts, ["a", "*.b:8443"]);
        assert_eq!(
            rest,
            [("location".to_owned(), "x".to_owned()), ("password".to_owned(), "hush".to_owned())]
        );
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let error = split_of(&[
            ("insecure", "yes"),
            ("tls_cert", "x"),
            ("tls_ca", "/nowhere"),
            ("password_file", "/nowhere"),
        ])
        .unwrap_err();
        assert_eq!(error.message().lines().count(), 4, "{}", error.message());
        assert!(split_of(&[("password", "a"), ("password_command", "echo b")]).is_err());
    }
}
