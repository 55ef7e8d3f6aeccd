//! A data directory on a real file system: who may read it, and who has it open.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::FOLDERS;
use crate::disk::DiskError;
use crate::real_disk::{RealDisk, disk_error};
use crate::recovered::OpenError;
use crate::wal_config::SyncMode;

/// A directory that belongs to this process until this value and every disk on it are dropped, or the process
/// ends in whatever way.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    lock: Arc<Option<File>>,
}

impl DataDirectory {
    /// Makes the directory if it is not there, and claims it.
    ///
    /// # Errors
    /// Another process has it, or others than its owner may read or write it.
    pub fn claim(path: &Path) -> Result<Self, OpenError> {
        make(path)?;
        check_mode(path)?;
        for folder in FOLDERS {
            make(&path.join(folder))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(path.join(LOCK)).map_err(refused)?;
        take_lock(&mut lock, File::try_lock)?;
        let pid = std::process::id().to_string();
        let written = lock.set_len(0).and_then(|()| lock.rewind());
        written.and_then(|()| lock.write_all(pid.as_bytes())).map_err(refused)?;
        Ok(Self { path: path.to_owned(), lock: Arc::new(Some(lock)) })
    }

    /// Claims a directory for looking only: nothing is made and nothing written.
    ///
    /// # Errors
    /// It is not there, or a process has it open for writing.
    pub fn look_at(path: &Path) -> Result<Self, OpenError> {
        if !path.is_dir() {
            return Err(OpenError::NotMade);
        }
        let mut lock = match File::open(path.join(LOCK)) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(refused(error)),
        };
        if let Some(lock) = &mut lock {
            take_lock(lock, File::try_lock_shared)?;
        }
        Ok(Self { path: path.to_owned(), lock: Arc::new(lock) })
    }

    /// A disk on the directory; several may work on different files at once.
    #[must_use]
    pub fn disk(&self, sync: SyncMode) -> RealDisk {
        RealDisk::new(self.path.clone(), Arc::clone(&self.lock), sync)
    }
}

const LOCK: &str = "LOCK";
const MODE: u32 = 0o700;

fn make(path: &Path) -> Result<(), OpenError> {
    match DirBuilder::new().mode(MODE).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn check_mode(path: &Path) -> Result<(), OpenError> {
    let mode = path.metadata().map_err(refused)?.permissions().mode() & 0o7777;
    if mode & !MODE == 0 { Ok(()) } else { Err(OpenError::TooOpen { mode }) }
}

// The lock ends with the process, so a pid that is left behind locks nobody out.
fn take_lock(
    lock: &mut File,
    attempt: impl FnOnce(&File) -> Result<(), TryLockError>,
) -> Result<(), OpenError> {
    match attempt(lock) {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = lock.take(20).read_to_string(&mut text);
            let pid = read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0);
            Err(OpenError::Locked { pid })
        }
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(error: std::io::Error) -> OpenError {
    OpenError::Disk(match disk_error(&error) {
        DiskError::NotFound => DiskError::Failed("the parent directory is not there".to_owned()),
        other => other,
    })
}
