//! The service that Plakar restores with.

use connector_host::Exporter;
use connector_host::api::{Destination, ReportStream, WriteSession};
use connector_host::types::{Outcome, WriteItem};
use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{StreamExt, join};
use tonic::{Request, Response, Status, Streaming};

use crate::incoming::Incoming;
use crate::ledger::{ExportAnswer, Ledger, RecordOutcome};
use crate::plugin::{FLAGS, OpenJob, Plugin};
use crate::protocol::plakar::exporter::exporter_server::Exporter as Calls;
use crate::protocol::plakar::exporter::{
    CloseRequest, CloseResponse, ExportRequest, InitRequest, InitResponse, PingRequest, PingResponse,
};
use crate::records::{sentence, status};

/// Number of acknowledgements that wait to be sent.
const CHANNEL_CAPACITY: usize = 64;

/// Implements the exporter of `proto/exporter.proto`.
pub(super) struct ExporterService {
    plugin: Plugin,
    job: OpenJob<Exporter>,
}

impl ExporterService {
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, job: OpenJob::new() }
    }
}

#[tonic::async_trait]
impl Calls for ExporterService {
    type ExportStream = BoxStream<'static, ExportAnswer>;

    async fn init(&self, request: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        let (connector, config, options) = self.plugin.prepare(request.into_inner().config).await?;
        let exporter = Exporter::open(&connector, options, config).await;
        let exporter = exporter.map_err(|error| self.plugin.not_opened(&error))?;
        // An error here is one sentence to Plakar's user; a later one is repeated for every record. The restore continues
        // with the session that is opened here, so that no request is made twice.
        exporter.ping().await.map_err(|error| status(&error))?;
        let identity = exporter.identity();
        let answer = InitResponse {
            origin: sentence(&identity.origin),
            r#type: identity.kind.clone(),
            root: identity.root.clone(),
            flags: FLAGS,
        };
        self.job.set(Some(exporter));
        Ok(Response::new(answer))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        self.job.get()?.ping().await.map_err(|error| status(&error))?;
        Ok(Response::new(PingResponse {}))
    }

    async fn export(
        &self,
        request: Request<Streaming<ExportRequest>>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let exporter = self.job.get()?;
        let (out, answers) = mpsc::channel(CHANNEL_CAPACITY);
        tokio::spawn(restore(exporter, request.into_inner(), self.plugin.on_notice, out));
        Ok(Response::new(answers.boxed()))
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        self.job.set(None);
        Ok(Response::new(CloseResponse {}))
    }
}

/// Runs a restore. Takes what Plakar sends to the end even if the job has ended: to Plakar, a call that ends before its
/// half-close is either a success or `EOF`. Every record is acknowledged; the status says how many failed.
async fn restore(
    exporter: Exporter,
    packets: Streaming<ExportRequest>,
    on_notice: fn(&str),
    out: mpsc::Sender<ExportAnswer>,
) {
    let WriteSession { items, mut reports } = exporter.write();
    let ledger = Ledger::new(out, on_notice);
    let incoming = Incoming::new(&ledger, items);
    let (is_complete, ()) = join!(incoming.take_all(packets), settle(&mut reports, &ledger));
    if is_complete {
        ledger.close(reports.finish().await).await;
    } else {
        // Plakar has cancelled the call and reads nothing more.
        exporter.cancel();
    }
}

/// Acknowledges the records that the connector reports on.
async fn settle(reports: &mut ReportStream, ledger: &Ledger) {
    while let Some(reports) = reports.next().await {
        for report in reports {
            match report {
                WriteItem::Done((path, outcome)) => ledger.settle(&path, of_outcome(&outcome)).await,
                WriteItem::Notice(notice) => ledger.note(notice.path.as_deref(), notice.message),
                WriteItem::Extra(path) => {
                    ledger.note(Some(&path), "exists only in the destination".to_owned());
                }
            }
        }
    }
}

fn of_outcome(outcome: &Outcome) -> RecordOutcome<'_> {
    match outcome {
        Outcome::Created | Outcome::Updated | Outcome::Unchanged => RecordOutcome::Ok,
        Outcome::Skipped(why) => RecordOutcome::Warned(why),
        Outcome::Failed(error) => RecordOutcome::Failed(error.message()),
    }
}
