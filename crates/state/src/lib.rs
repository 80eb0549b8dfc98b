//! The only SQL: repositories, migrations, retention, one writer.
