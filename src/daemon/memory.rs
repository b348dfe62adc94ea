//! Memory that the start and a reload took for a while is given back to the system.
//!
//! Reading the configuration and laying the inventory beside the record take
//! some 8 kB a target for a moment. The C library keeps what is freed, in the
//! arena of each thread that took it, for ever if nobody asks; and SQLite keeps
//! every page that the inventory was written to.

use crate::model::Span;
use crate::store::Handle;

/// By then the start's or the reload's work is over.
const LATER: Span = Span::from_secs(5);

/// Gives free memory back in a while, from a thread that may wait.
pub(super) fn give_back_later(writer: Handle) {
    tokio::spawn(async move {
        tokio::time::sleep(LATER).await;
        if let Err(error) = tokio::task::spawn_blocking(move || give_back_all(&writer)).await {
            tracing::debug!(%error, "free memory was not given back");
        }
    });
}

fn give_back_all(writer: &Handle) {
    if let Err(error) = writer.give_back_memory() {
        tracing::debug!(%error, "the record keeps the pages that it has read");
    }
    give_back();
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "malloc_trim has no safe wrapper")]
fn give_back() {
    // SAFETY: it takes a number, touches free memory only, and may be called from any thread.
    let given = unsafe { nix::libc::malloc_trim(0) };
    tracing::debug!(given, "free memory was given back");
}

#[cfg(not(target_env = "gnu"))]
fn give_back() {}
