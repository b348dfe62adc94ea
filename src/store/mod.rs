//! SQLite: the record. The only place where SQL stands.
