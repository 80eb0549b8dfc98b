//! Reads a JSON array of entries from standard input and writes the explanation as JSON.
//!
//! Try: `echo '[{"model_name":"a","preliminary":false,"rank_ub":1}]' | cargo run -p autotrader-settlement --features
//! serde --example explain_json`
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use autotrader_settlement::{Entry, RuleSet, explain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entries: Vec<Entry> = serde_json::from_reader(std::io::stdin().lock())?;
    println!(
        "{}",
        serde_json::to_string_pretty(&explain(&entries, &RuleSet::default()))?
    );
    Ok(())
}
