//! How the program is linked: a build script, no part of the program.

#![allow(
    clippy::print_stdout,
    reason = "cargo reads what a build script prints"
)]

fn main() {
    println!("cargo:rerun-if-changed=src/link.rs");
    let of_target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}"));
    let is = |what, name: &str| of_target(what).is_ok_and(|is| is == name);
    // A program that can be loaded anywhere has its hundred thousand addresses (most are those of the AWS SDK) written
    // into it at every start, which took longer than the rest of a `validate`. Loaded where it was linked for, it starts
    // at once. With musl, `.ci/release` says so to the compiler.
    if is("OS", "linux") && is("ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
