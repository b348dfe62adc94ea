//! Memory: how the C library hands it out, and that what the start and a reload
//! took for a while is given back to the system.
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

/// Parts that memory is handed out from. Each thread has one of its own as long
/// as there are fewer, and what was taken from one and freed is of no use to
/// the others: what a device told is taken by one thread and kept by another.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// From so many bytes on memory comes from the system and goes back to it.
/// Unless it is set, it grows to 32 MiB with what is freed, and large texts
/// leave holes.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 256 << 10;

/// So much free memory at an arena's end goes back to the system.
#[cfg(target_env = "gnu")]
const SPARE: i32 = 1 << 20;

/// Makes the C library thrifty. Before any other thread is there.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "mallopt has no safe wrapper")]
pub(super) fn save() {
    use nix::libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};
    for (what, value) in [
        (M_ARENA_MAX, ARENAS),
        (M_MMAP_THRESHOLD, LARGE),
        (M_TRIM_THRESHOLD, SPARE),
    ] {
        // SAFETY: it takes two numbers and sets a number under the allocator's own lock.
        if unsafe { mallopt(what, value) } != 1 {
            tracing::debug!(
                what,
                value,
                "the C library does not take this setting of its memory"
            );
        }
    }
}

/// Other libraries have no such settings.
#[cfg(not(target_env = "gnu"))]
pub(super) fn save() {}
