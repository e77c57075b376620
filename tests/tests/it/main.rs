//! Integration tests: real servers, real programs, one binary.

mod cluster;
mod link;
mod literals_stay;
mod shop;
mod shop_problems;
mod telemetry_survives_kills;
