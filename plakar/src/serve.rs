//! Both services on one connection.

use std::io;

use futures::{StreamExt, stream};
use tonic::transport::Server;

use crate::exporter::ExporterService;
use crate::importer::ImporterService;
use crate::pipe::Pipes;
use crate::plugin::Plugin;
use crate::protocol::importer::importer_server::ImporterServer;
use crate::protocol::plakar::exporter::exporter_server::ExporterServer;

/// Bytes that may be under way to this process before it reads them: a chunk of Plakar's and some more.
const WINDOW_BYTES: u32 = 2 << 20;

/// Serves Plakar until it closes its end.
///
/// # Errors
///
/// The bytes that arrive are not HTTP/2.
pub async fn serve(plugin: Plugin, pipes: Pipes) -> io::Result<()> {
    let gone = pipes.gone();
    // There is no second connection, but the server would end with the stream of connections.
    let connections = stream::iter([Ok::<_, io::Error>(pipes)]).chain(stream::pending());
    let serving = Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(2 * WINDOW_BYTES)
        .add_service(ImporterServer::new(ImporterService::new(plugin.clone())))
        .add_service(ExporterServer::new(ExporterService::new(plugin)))
        .serve_with_incoming(connections);
    tokio::select! {
        served = serving => served.map_err(io::Error::other),
        // Plakar waits for this process to end. Calls that are under way have no reader anymore.
        () = gone => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use connector_host::Error;

    use super::*;

    #[tokio::test]
    async fn serving_ends_with_the_connection() {
        let plugin = Plugin::new(
            |_| Err(Error::InvalidOptions(String::new())),
            || Err("there is no component".to_owned()),
            |_| (),
        );
        let (reader, writer) = (tokio::io::empty(), tokio::io::sink());
        serve(plugin, Pipes::new(reader, writer)).await.unwrap();
    }
}
