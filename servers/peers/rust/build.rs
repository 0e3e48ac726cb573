// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! The compiler's version, for /stats: nothing else knows it once the program is built.
use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").expect("cargo says which compiler it is");
    let version =
        Command::new(rustc).arg("--version").output().expect("the compiler says its version").stdout;
    println!("cargo:rustc-env=RUSTC_VERSION={}", String::from_utf8_lossy(&version).trim());
    println!("cargo:rerun-if-changed=build.rs");
}
