//! Learn: predicted against realised, and a better model for the next prediction.

pub mod accuracy;
pub mod model;
pub mod outcome;
