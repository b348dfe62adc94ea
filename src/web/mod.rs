//! Pages, the HTTP API and server-sent events, over the monitor's snapshot.
//!
//! Knows nothing of how targets are probed and never writes to the record itself. What
//! it needs of the daemon is handed to it in [`State`]; [`serve`] answers until
//! told to stop. Everyone who comes by the network is a viewer: equipment under
//! secrecy rules (`mode: never`) is counted and never shown.

pub mod api;
mod asset;
mod discovery;
mod events;
mod exposition;
mod page;
pub mod people;
pub mod policy;
pub mod record;
mod routes;
mod server;
pub mod state;
mod view;

pub use api::Status;
pub use policy::AllowAnonymous;
pub use policy::BindRefused;
pub use policy::may_bind;
pub use server::serve;
pub use server::serve_unix;
pub use state::Figure;
pub use state::Health;
pub use state::Notice;
pub use state::Reload;
pub use state::Settings;
pub use state::State;
