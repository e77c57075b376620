//! What the tests and the demo stand on: private PostgreSQL clusters, and a sample shop with planted problems.
//!
//! Nothing here belongs to the product: no other package may depend on this one.

// Servers to test against.
pub mod cluster;
pub mod embedded_postgres;

// The demo's database and its workload.
pub mod shop;

// The whole product on one machine: the demo and the journey through it.
pub mod demo;
