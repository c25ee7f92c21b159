//! The theme and the starter project are embedded, so a change to them has to rebuild the program.

fn main() {
    println!("cargo::rerun-if-changed=themes/default");
    println!("cargo::rerun-if-changed=examples/starter");
    println!("cargo::rerun-if-changed=content/reference/diagnostics.md");
}
