//! Tests of the facade: its prelude, `main!`, and the length of the tutorial's programs.

mod line_counts;
mod prelude;
mod program;
