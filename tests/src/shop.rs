//! The demo's sample database: a shop with planted problems, the workload that runs into them, and the hand that
//! breaks it again. The product knows nothing about this module.

// The database.
pub mod load;
pub mod server;

// The workload.
pub mod drive;
pub mod latency;
pub mod parameters;
pub mod tracked;
pub mod workload;

// What goes wrong behind the product's back.
pub mod breakage;
