//! Performs order effects: durable intent, submit, resolve, cancel; and the paper gateway.
