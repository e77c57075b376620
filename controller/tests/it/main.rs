//! Integration tests of the controller, against real PostgreSQL.

// What helps tests fails like a test.
#![allow(clippy::unwrap_used)]

mod api_beside;
mod api_compat;
mod api_contract;
mod api_decide;
mod api_ground;
mod api_hours;
mod api_lists;
mod api_live;
mod api_people;
mod api_schema;
mod api_seed;
mod api_speed;
mod approver;
mod audit_chain;
mod bodies;
mod by_hand;
mod enrolment;
mod evidence;
mod ground;
mod held;
mod hostile_agent;
mod hours;
mod ingest;
mod jobs;
mod keeping;
mod loop_ground;
mod orders;
mod owner;
mod program;
mod restored;
mod revoked;
mod shop;
mod signed;
mod speaker;
mod store_away;
mod switchback;
mod taken_back;
mod the_loop;
mod two_controllers;
