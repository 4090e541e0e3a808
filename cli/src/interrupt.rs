//! Ctrl-C.

use crate::exit::Exit;

/// Calls `stop` at the first Ctrl-C, and ends the program at the second.
pub(crate) fn stop_on_ctrl_c(stop: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("\nStopping; Ctrl-C again to stop at once.");
            stop();
            tokio::signal::ctrl_c().await.ok();
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}
