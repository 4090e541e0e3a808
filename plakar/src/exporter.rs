//! The service that Plakar restores to.

use connector_host::api::{Destination, ReportStream, WriteSession};
use connector_host::types::{Outcome, WriteItem};
use connector_host::{Exporter, JobError};
use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt, join};
use tonic::{Request, Response, Status, Streaming};

use crate::incoming::Intake;
use crate::ledger::{Answer, Fate, Ledger};
use crate::plugin::{FLAGS, Opened, Plugin, locked};
use crate::protocol::plakar::exporter::exporter_server::Exporter as Calls;
use crate::protocol::plakar::exporter::{
    CloseRequest, CloseResponse, ExportRequest, InitRequest, InitResponse, PingRequest, PingResponse,
};
use crate::records::{sentence, status};

/// Acknowledgements that wait to be sent.
const WAITING: usize = 64;

pub(super) struct Service {
    plugin: Plugin,
    opened: Opened<Exporter>,
}

impl Service {
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, opened: Opened::new() }
    }
}

#[tonic::async_trait]
impl Calls for Service {
    type ExportStream = BoxStream<'static, Answer>;

    async fn init(&self, request: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        let (connector, config, options) = self.plugin.prepare(request.into_inner().config).await?;
        let exporter = Exporter::open(&connector, options, config).await;
        let exporter = exporter.map_err(|error| self.plugin.not_opened(&error))?;
        // What fails here is one sentence to Plakar's user; what fails later, he is told for every record. The
        // restore goes on from what was found, so that nothing is asked twice.
        exporter.ping().await.map_err(|error| status(&error))?;
        let identity = exporter.identity();
        let answer = InitResponse {
            origin: sentence(&identity.origin),
            r#type: identity.kind.clone(),
            root: identity.root.clone(),
            flags: FLAGS,
        };
        self.opened.set(Some(exporter));
        Ok(Response::new(answer))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        self.opened.get()?.ping().await.map_err(|error| status(&error))?;
        Ok(Response::new(PingResponse {}))
    }

    async fn export(
        &self,
        request: Request<Streaming<ExportRequest>>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let exporter = self.opened.get()?;
        let (out, answers) = mpsc::channel(WAITING);
        tokio::spawn(restore(exporter, request.into_inner(), self.plugin.remark, out));
        Ok(Response::new(answers.boxed()))
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        self.opened.set(None);
        Ok(Response::new(CloseResponse {}))
    }
}

/// One restore: takes what Plakar sends to the end, whatever happens, because a call that ends before is to
/// Plakar either a success or `EOF`. Every record is acknowledged; the last word says how many failed.
async fn restore(
    exporter: Exporter,
    packets: Streaming<ExportRequest>,
    remark: fn(&str),
    mut out: mpsc::Sender<Answer>,
) {
    let WriteSession { items, mut reports } = exporter.write();
    let ledger = Ledger::new(out.clone(), remark);
    let intake = Intake::new(&ledger, items);
    let (is_whole, ()) = join!(intake.take_all(packets), report(&mut reports, &ledger));
    if !is_whole {
        // Plakar has cancelled: nobody hears anything any more.
        return exporter.cancel();
    }
    let end = reports.finish().await;
    // What got no report is not done.
    let left: Vec<String> = locked(&ledger.waiting).keys().cloned().collect();
    let why = end
        .as_ref()
        .err()
        .map_or_else(|| "the connector did not report on it".to_owned(), JobError::to_string);
    for path in left {
        ledger.settle(&path, Fate::Failed(&why)).await;
    }
    let last = end.map_err(|error| status(&error)).and_then(|()| locked(&ledger.tally).verdict());
    if let Err(last) = last {
        out.send(Err(last)).await.ok();
    }
}

/// Passes on what became of the records.
async fn report(reports: &mut ReportStream, ledger: &Ledger) {
    while let Some(reports) = reports.next().await {
        for report in reports {
            match report {
                WriteItem::Done((path, outcome)) => match outcome {
                    Outcome::Created | Outcome::Updated | Outcome::Unchanged => {
                        ledger.settle(&path, Fate::Well).await;
                    }
                    Outcome::Skipped(why) => ledger.settle(&path, Fate::Told(&why)).await,
                    Outcome::Failed(error) => ledger.settle(&path, Fate::Failed(error.message())).await,
                },
                WriteItem::Notice(notice) => ledger.note(notice.path.as_deref(), notice.message),
                WriteItem::Extra(path) => ledger.note(Some(&path), "is on the server only".to_owned()),
            }
        }
    }
}
