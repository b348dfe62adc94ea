//! What polling learned of how agents like to be asked, to be kept over a restart.
//!
//! Without it, the first turn after a restart would ask every slow agent for
//! too much again (trap 9), and every agent with an unusual credential first
//! by the usual ones, each of which costs all of its tries.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::size::Kept;

/// Most agents whose credential is remembered: 262,144 of 40 bytes are 10 MB.
const MOST: usize = 1 << 18;

/// By address; sorted, so that equal habits are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// Objects of one answer that the agent can send.
    pub sizes: Vec<(SocketAddr, Kept)>,
    /// Which of its credentials it knows, from 0, where that is not the first.
    /// A place and no secret: if the list was changed, the others are tried after it.
    pub credentials: Vec<(SocketAddr, usize)>,
    /// Those that leave rows out of large answers without a word: they are asked for few at a time.
    #[serde(default)]
    pub hiding: Vec<SocketAddr>,
}

/// The credentials that worked, where that was not the first, and who hides rows.
#[derive(Debug, Default)]
pub(super) struct Worked {
    places: Mutex<HashMap<SocketAddr, usize>>,
    hiding: Mutex<HashSet<SocketAddr>>,
}

impl Worked {
    pub(super) fn get(&self, agent: SocketAddr) -> Option<usize> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&agent).copied()
    }

    pub(super) fn hides(&self, agent: SocketAddr) -> bool {
        let hiding = self.hiding.lock().unwrap_or_else(PoisonError::into_inner);
        hiding.contains(&agent)
    }

    pub(super) fn found_hiding(&self, agent: SocketAddr) {
        let mut hiding = self.hiding.lock().unwrap_or_else(PoisonError::into_inner);
        if hiding.len() < MOST {
            hiding.insert(agent);
        }
    }

    pub(super) fn put(&self, agent: SocketAddr, place: usize) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if place == 0 {
            places.remove(&agent);
        } else if places.len() < MOST || places.contains_key(&agent) {
            places.insert(agent, place);
        }
    }

    /// What is known now.
    pub(super) async fn habits(&self, client: &Client) -> Habits {
        let mut sizes = client.sizes().await;
        sizes.sort_unstable();
        let hiding = self.hiding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hiding: Vec<_> = hiding.iter().copied().collect();
        hiding.sort_unstable();
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut credentials: Vec<_> = places.iter().map(|(agent, place)| (*agent, *place)).collect();
        credentials.sort_unstable();
        Habits {
            sizes,
            credentials,
            hiding,
        }
    }

    /// Takes what was known before a restart.
    pub(super) async fn remember(&self, client: &Client, habits: Habits) {
        for (agent, place) in habits.credentials {
            self.put(agent, place);
        }
        habits
            .hiding
            .into_iter()
            .for_each(|agent| self.found_hiding(agent));
        client.remember(habits.sizes).await;
    }
}
