//! `check`: the server, and what it supports.

use connector_host::JobError;
use connector_host::engine::Connector;
use serde_json::json;

use crate::account::AccountArguments;
use crate::exit::Exit;

/// Signs in, and prints one line for each finding.
pub(crate) async fn run(connector: &Connector, account: &AccountArguments) -> Result<Exit, JobError> {
    let output = account.output(false);
    let importer = account.open_importer(connector).await?;
    let findings = importer.check().await?;
    for finding in &findings {
        let value = json!({ "topic": finding.topic, "text": finding.text, "good": finding.good });
        output.print_object("finding", value);
        let mark = if finding.good { "ok " } else { "BAD" };
        output.print_line(&format!("{mark} {:<12} {}", finding.topic, finding.text));
    }
    let bad = findings.iter().filter(|finding| !finding.good).count();
    let exit = if bad == 0 { Exit::Done } else { Exit::Partial };
    output.print_object("summary", json!({ "exit": exit as i32, "findings": findings.len(), "bad": bad }));
    output.print_line(&if bad == 0 {
        "Everything needed for a backup works.".to_owned()
    } else {
        format!("{bad} of {} lines are marked BAD.", findings.len())
    });
    Ok(exit)
}
