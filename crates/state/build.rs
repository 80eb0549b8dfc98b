//! Rebuilds the crate when a migration is added: the compiler does not see the embedded directory by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
