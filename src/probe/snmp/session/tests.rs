//! Exchanges on virtual time.
