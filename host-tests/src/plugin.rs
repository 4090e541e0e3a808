//! The plugin, spawned with pipes as Plakar spawns it, and the clients of its two services.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use connector_plakar::Pipes;
use connector_plakar::protocol::importer::importer_client::ImporterClient;
use connector_plakar::protocol::importer::{InitRequest, InitResponse};
use connector_plakar::protocol::plakar::exporter;
use connector_plakar::protocol::plakar::exporter::exporter_client::ExporterClient;
use hyper_util::rt::TokioIo;
use tokio::process::Child;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::program::command;

/// A running plugin. Dropping it kills the process.
pub struct Plugin {
    /// Process of the plugin, with its standard error captured.
    pub process: Child,
    channel: Channel,
}

impl Plugin {
    /// Starts the program as a plugin, with an empty environment.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&["plugin"], &[]).await
    }

    /// Starts the program with `arguments`, which must include the command `plugin`, and with `environment`.
    pub async fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut process = command(arguments, environment)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = process.stdout.take().zip(process.stdin.take()).context("no pipes")?;
        let pipes = Arc::new(Mutex::new(Some(Pipes::new(pipes.0, pipes.1))));
        // There is only one connection, as in Plakar; tonic cannot open a second one.
        let connect = tower::service_fn(move |_| {
            let pipes = pipes.lock().ok().and_then(|mut pipes| pipes.take());
            async move { pipes.map(TokioIo::new).ok_or_else(|| std::io::Error::other("the plugin is gone")) }
        });
        let channel = Endpoint::from_static("http://127.0.0.1:0").connect_with_connector(connect).await?;
        Ok(Self { process, channel })
    }

    /// Returns a client of the importer service.
    #[must_use]
    pub fn importer(&self) -> ImporterClient<Channel> {
        ImporterClient::new(self.channel.clone())
    }

    /// Returns a client of the exporter service.
    #[must_use]
    pub fn exporter(&self) -> ExporterClient<Channel> {
        ExporterClient::new(self.channel.clone())
    }

    /// Calls `Init` of the importer.
    pub async fn init_importer(&self, options: &[(&str, &str)]) -> Result<InitResponse, Status> {
        let config = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = InitRequest { options: None, proto: "caldav".to_owned(), config };
        self.importer().init(request).await.map(tonic::Response::into_inner)
    }

    /// Calls `Init` of the exporter.
    pub async fn init_exporter(&self, options: &[(&str, &str)]) -> Result<exporter::InitResponse, Status> {
        let config = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = exporter::InitRequest { options: None, proto: "caldav".to_owned(), config };
        self.exporter().init(request).await.map(tonic::Response::into_inner)
    }

    /// Closes the connection and waits for the end of the process. Returns its exit code and its standard error.
    pub async fn end(self) -> anyhow::Result<(Option<i32>, String)> {
        drop(self.channel);
        let output = self.process.wait_with_output().await?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}
