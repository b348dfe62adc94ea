//! The words, without selectors: these need a schema generator.

#[path = "../../src/model/id.rs"]
pub mod id;
#[path = "../../src/model/observation.rs"]
pub mod observation;
#[path = "../../src/model/octets.rs"]
pub mod octets;
#[path = "../../src/model/quantity.rs"]
pub mod quantity;
#[path = "../../src/model/reading.rs"]
pub mod reading;
#[path = "../../src/model/snmp.rs"]
pub mod snmp;
#[path = "../../src/model/spread.rs"]
pub mod spread;
#[path = "../../src/model/state.rs"]
pub mod state;
#[path = "../../src/model/time.rs"]
pub mod time;

pub use id::*;
pub use observation::*;
pub use quantity::*;
pub use reading::*;
pub use state::*;
pub use time::*;
