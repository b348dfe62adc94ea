//! The control socket: a file beside the database.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use tokio::net::UnixListener;

use super::StartError;

/// The path of the control socket: beside the database.
pub fn path(database: &Path) -> PathBuf {
    database.with_file_name("control.sock")
}

/// Makes the control socket. Call it while the record's lock is held: a socket
/// that lies there then is a dead one.
pub(super) fn open(database: &Path) -> Result<UnixListener, StartError> {
    let path = path(database);
    let fault = |source| StartError::Control {
        path: path.clone(),
        source,
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(fault)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fault)?;
    Ok(listener)
}

pub(super) fn remove(database: &Path) {
    if let Err(error) = std::fs::remove_file(path(database)) {
        tracing::debug!(%error, "the control socket was gone already");
    }
}
