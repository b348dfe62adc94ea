//! Counts the heap allocations of threads that ask for it.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's allocations are counted from now on.
pub fn watch(is_watched: bool) {
    IS_WATCHED.set(is_watched);
}

/// Allocations of all watched threads so far.
pub fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note() {
    // A thread that is ending has no such variable any more.
    if IS_WATCHED.try_with(Cell::get) == Ok(true) {
        COUNT.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: everything is handed to the system's allocator as it came; counting
// allocates nothing, since both counters are plain numbers made at compile time.
#[expect(unsafe_code, reason = "a global allocator can't be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
