//! Both services on one connection.

use std::io;

use futures::{StreamExt, stream};
use tonic::transport::Server;

use crate::pipe::Pipes;
use crate::plugin::Plugin;
use crate::protocol::importer::importer_server::ImporterServer;
use crate::protocol::plakar::exporter::exporter_server::ExporterServer;
use crate::{exporter, importer};

/// Bytes that may be on their way to this process before it reads them: a chunk of Plakar's and some more.
const WINDOW: u32 = 2 << 20;

/// Serves Plakar until it closes its end.
pub async fn serve(plugin: Plugin, pipes: Pipes) -> io::Result<()> {
    let gone = pipes.gone();
    // There will be no other connection; but at the end of them the server would end, too.
    let one = stream::iter([Ok::<_, io::Error>(pipes)]).chain(stream::pending());
    let serving = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .add_service(ImporterServer::new(importer::Service::new(plugin.clone())))
        .add_service(ExporterServer::new(exporter::Service::new(plugin)))
        .serve_with_incoming(one);
    tokio::select! {
        served = serving => served.map_err(io::Error::other),
        // Plakar is gone: whoever waits for this process to end must not wait for calls nobody hears.
        () = gone => Ok(()),
    }
}
