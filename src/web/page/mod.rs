//! The pages: HTML by maud, readable without JavaScript, both languages.

pub(super) mod area;
pub(super) mod incidents;
pub(super) mod inventory;
mod layout;
pub(super) mod overview;
mod parts;
pub(super) mod site;
pub(super) mod target;
mod visit;

pub(super) use layout::Shell;
pub(super) use layout::not_found;
pub(super) use visit::Visit;
