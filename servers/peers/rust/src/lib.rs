// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! What the servers on tokio have in common: options, work, counts, and the accepting and ending of connections.
pub mod options;
pub mod phase;
pub mod plan;
pub mod serve;
pub mod sha;
pub mod stats;
pub mod switch;
pub mod upstream;
pub mod work;
