//! The theme and the starter project are embedded: a change of theirs is a change of the program.

fn main() {
    println!("cargo::rerun-if-changed=themes/default");
    println!("cargo::rerun-if-changed=examples/starter");
    println!("cargo::rerun-if-changed=content/reference/diagnostics.md");
}
