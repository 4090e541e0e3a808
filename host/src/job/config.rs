//! Permissions, limits and name of a job.

use crate::egress::tls::TlsConfig;
use crate::limits::Limits;

/// Permissions, limits and name of a job. The default is right for most jobs; setters change it:
///
/// ```
/// use connector_host::{JobConfig, Limits};
///
/// let mut limits = Limits::default();
/// limits.wall_clock = Some(std::time::Duration::from_secs(3600));
/// let config = JobConfig::new().label("tenant 17").limits(limits).allow_host("login.example.org");
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JobConfig {
    /// Name of the job in spans of `tracing`. It should hold no secret. Empty by default.
    pub label: String,
    /// How servers are recognised. None, the default, stands for the certificates that the system trusts, which are
    /// read once in a process; see [`TlsConfig::builder`] for a build without the feature `native-roots`.
    pub tls: Option<TlsConfig>,
    /// Whether the connector may send requests over plain http, if it asks to. False by default.
    pub plain_http: bool,
    /// Hosts that requests may go to in addition to the origins that the connector asks for: `host` or `host:port`, for
    /// https; a host may begin with `*.`. Empty by default.
    pub allowed_hosts: Vec<String>,
    /// Limits of memory, time and traffic. [`Limits::default`] by default.
    pub limits: Limits,
}

impl JobConfig {
    /// Starts with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the job in spans of `tracing`.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets how servers are recognised.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets whether requests may go out over plain http.
    #[must_use]
    pub fn plain_http(mut self, allowed: bool) -> Self {
        self.plain_http = allowed;
        self
    }

    /// Adds a host that requests may go to.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
