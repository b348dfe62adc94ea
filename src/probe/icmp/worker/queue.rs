//! The orders that wait for the ICMP thread.
//!
//! Bounded, and no larger than it has to be: a ring of the full length would be
//! walked through from end to end and never be in the processor's caches, though
//! mostly a few orders wait.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::probe::icmp::Order;

/// What is kept of the room when the queue has been emptied, orders.
const KEPT: usize = 1_024;

/// The queue. Whoever hands over is told when it is full; nobody waits.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    orders: VecDeque<Order>,
    /// The thread has ended: nobody takes orders any more.
    is_closed: bool,
}

impl Queue {
    /// Room for `most` orders, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            inner: Mutex::new(Inner {
                orders: VecDeque::new(),
                is_closed: false,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an order at the end.
    ///
    /// # Errors
    /// The order, when the queue is full or closed.
    pub(super) fn push(&self, order: Order) -> Result<(), Order> {
        let mut inner = self.inner();
        if inner.is_closed || inner.orders.len() >= self.most {
            return Err(order);
        }
        if inner.orders.is_empty() && inner.orders.capacity() > 2 * KEPT {
            // The room of a rush that is over; given back here, so that the ICMP thread does not.
            inner.orders.shrink_to(KEPT);
        }
        inner.orders.push_back(order);
        Ok(())
    }

    /// Moves up to `most` orders to the end of `to`.
    pub(super) fn take(&self, most: usize, to: &mut Vec<Order>) {
        let mut inner = self.inner();
        let count = inner.orders.len().min(most);
        to.extend(inner.orders.drain(..count));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner().orders.is_empty()
    }

    /// From now on orders are refused; those that wait are forgotten.
    pub(super) fn close(&self) {
        let mut inner = self.inner();
        inner.is_closed = true;
        inner.orders = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(token: u64) -> Order {
        Order::new(token, [127, 0, 0, 1].into())
    }

    #[test]
    fn a_full_queue_gives_the_order_back_and_keeps_the_rest_in_turn() {
        let queue = Queue::new(3);
        for token in 0..3 {
            queue.push(order(token)).unwrap();
        }
        assert_eq!(queue.push(order(9)), Err(order(9)));
        let mut taken = Vec::new();
        queue.take(2, &mut taken);
        queue.push(order(3)).unwrap();
        queue.take(5, &mut taken);
        let tokens: Vec<u64> = taken.iter().map(|o| o.token).collect();
        assert_eq!(tokens, [0, 1, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_room_of_a_rush_is_given_back_once_it_is_over() {
        let queue = Queue::new(20_000);
        for token in 0..20_000 {
            queue.push(order(token)).unwrap();
        }
        queue.take(usize::MAX, &mut Vec::new());
        queue.push(order(1)).unwrap();
        assert!(queue.inner().orders.capacity() <= 2 * KEPT);
    }

    #[test]
    fn a_closed_queue_refuses() {
        let queue = Queue::new(3);
        queue.push(order(1)).unwrap();
        queue.close();
        assert_eq!(queue.push(order(2)), Err(order(2)));
        assert!(queue.is_empty());
    }
}
