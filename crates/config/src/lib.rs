//! Layered configuration: YAML files and environment into validated sections.
