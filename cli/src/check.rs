//! `check`: what the server is and what it can do.

use connector_host::engine::Connector;
use serde_json::json;

use crate::output::Output;
use crate::{Account, Exit, stop_on_ctrl_c};

pub(crate) async fn run(connector: &Connector, account: &Account) -> Exit {
    let output = Output::new(account.json, false);
    let importer = match account.open(connector).await {
        Ok(importer) => importer,
        Err(error) => return output.fail(&error),
    };
    let stop = importer.clone();
    stop_on_ctrl_c(move || stop.cancel());
    let findings = match importer.check().await {
        Ok(findings) => findings,
        Err(error) => return output.fail(&error),
    };
    let mut bad = 0;
    for finding in &findings {
        bad += usize::from(!finding.good);
        output
            .object("finding", json!({ "topic": finding.topic, "text": finding.text, "good": finding.good }));
        output.line(&format!(
            "{} {:<12} {}",
            if finding.good { "ok " } else { "BAD" },
            finding.topic,
            finding.text
        ));
    }
    let exit = if bad == 0 { Exit::Done } else { Exit::Partial };
    output.object("summary", json!({ "exit": exit as i32, "findings": findings.len(), "bad": bad }));
    output.line(&if bad == 0 {
        "Everything needed for a backup works.".to_owned()
    } else {
        format!("{bad} of {} lines are marked BAD.", findings.len())
    });
    exit
}
