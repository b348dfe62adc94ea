//! How others reach the ICMP thread.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use nix::sys::eventfd::EventFd;

use super::queue::Queue;
use crate::probe::icmp::Counters;
use crate::probe::icmp::Order;
use crate::probe::icmp::engine::Straggler;
use crate::probe::icmp::socket::Facts;

/// The address of the ICMP thread. Dropping it stops the thread.
#[derive(Debug)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) thread: Option<JoinHandle<Vec<Straggler>>>,
    pub(super) facts: Facts,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// What is to be done; the thread takes it when it has room.
    pub(super) orders: Queue,
    /// Rung to wake the thread from a long sleep.
    pub(super) bell: EventFd,
    /// Whether the thread sleeps so that only the bell wakes it.
    pub(super) is_asleep: AtomicBool,
    pub(super) is_stopping: AtomicBool,
    /// Requests per second over all targets; 0: no limit.
    pub(super) max_rate: AtomicU32,
    pub(super) counters: Mutex<Counters>,
    /// Why the thread ended by itself, if it did.
    pub(super) fault: Mutex<Option<String>>,
}

impl Handle {
    /// Hands over an order without waiting.
    ///
    /// # Errors
    /// The order itself, when the queue is full (or the thread has ended): it
    /// stays due, try again later.
    pub fn order(&self, order: Order) -> Result<(), Order> {
        self.shared.orders.push(order)?;
        // The thread lists itself as asleep before it looks at the queue for the last time.
        if self.shared.is_asleep.swap(false, Ordering::SeqCst) {
            self.ring();
        }
        Ok(())
    }

    /// Another overall pace, from the thread's next turn on; `None`: no limit.
    pub fn set_max_rate(&self, max_rate: Option<u32>) {
        self.shared
            .max_rate
            .store(max_rate.unwrap_or(0), Ordering::Relaxed);
    }

    /// What was counted up to the last wake-up.
    pub fn counters(&self) -> Counters {
        *self
            .shared
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the socket is like.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Why the thread has ended by itself; `None` while it runs.
    pub fn fault(&self) -> Option<String> {
        let is_over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let told = self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
            .or_else(|| is_over.then(|| "the ICMP thread has ended".to_owned()))
    }

    /// Stops the thread and waits for it, a few ticks at most. Bursts in flight
    /// are abandoned; late replies that no burst has told of come back.
    ///
    /// # Blocking
    /// For two ticks.
    pub fn stop(mut self) -> Vec<Straggler> {
        self.end()
    }

    fn ring(&self) {
        if let Err(error) = self.shared.bell.write(1) {
            // A full counter: the bell is ringing already.
            tracing::trace!(%error, "the bell was not rung");
        }
    }

    fn end(&mut self) -> Vec<Straggler> {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        self.ring();
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}
