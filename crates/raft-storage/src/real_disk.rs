//! The disk of the machine: plain files, written in place, synced with `fdatasync`; or written past the page
//! cache and durable on return, where that was asked for and the file system can do it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustix::fs::OFlags;

use crate::directory::{FOLDERS, FileName};
use crate::disk::{Completion, Disk, DiskError, Done, Operation, Ticket};
use crate::wal_config::{BLOCK_BYTES, SyncMode};

/// One user of a data directory. Carries operations out on the thread that asks for completions.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    sync: SyncMode,
    files: BTreeMap<FileName, OpenFile>,
    /// Folders with names that are not durable yet. At first all: somebody else may have left them so.
    dirty_folders: BTreeSet<&'static str>,
    queue: VecDeque<(Ticket, Operation)>,
    aligned: AlignedBuffer,
    fallback: Option<String>,
    /// What was read last. Whatever nobody else holds any more is read into again: fresh memory takes the system
    /// longer than the reading.
    recent: VecDeque<Bytes>,
    /// Nobody else may have the directory while anybody here can write to it.
    _lock: Arc<Option<File>>,
}

#[derive(Debug)]
struct OpenFile {
    buffered: File,
    /// Past the page cache, durable on return.
    direct: Option<File>,
    is_dirty: bool,
}

/// Memory that begins at a whole block: direct writes take no other. A vector with room to spare, used from the
/// first aligned byte on.
#[derive(Debug, Default)]
struct AlignedBuffer {
    bytes: Vec<u8>,
}

impl RealDisk {
    pub(crate) fn new(root: PathBuf, lock: Arc<Option<File>>, sync: SyncMode) -> Self {
        Self {
            root,
            sync,
            files: BTreeMap::new(),
            dirty_folders: FOLDERS.into_iter().chain([""]).collect(),
            queue: VecDeque::new(),
            aligned: AlignedBuffer::default(),
            fallback: None,
            recent: VecDeque::new(),
            _lock: lock,
        }
    }

    /// Why writes go through the page cache although direct ones were asked for; `None` if they do not.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    fn carry_out(&mut self, operation: Operation) -> Result<Done, DiskError> {
        match operation {
            Operation::Create { file, bytes } => self.create(file, bytes)?,
            Operation::Write { file, offset, bytes } => self.write(file, offset, &bytes)?,
            Operation::Read { file, offset, len } => return self.read(file, offset, len),
            Operation::Sync(file) => self.sync(file)?,
            Operation::SyncDirectory => self.sync_folders()?,
            Operation::Rename { from, to } => self.rename(from, to)?,
            Operation::Remove(file) => self.remove(file)?,
            Operation::List => return self.list(),
        }
        Ok(Done::Nothing)
    }

    fn create(&mut self, file: FileName, bytes: u64) -> Result<(), DiskError> {
        self.files.remove(&file);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let buffered = options.open(self.path(file)).map_err(io)?;
        if buffered.metadata().map_err(io)?.len() > bytes {
            buffered.set_len(bytes).map_err(io)?;
        }
        fill_with_zeros(&buffered, bytes)?;
        self.dirty_folders.insert(file.folder());
        self.files.insert(file, OpenFile { buffered, direct: None, is_dirty: true });
        Ok(())
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &Bytes) -> Result<(), DiskError> {
        self.open(name)?;
        let block = BLOCK_BYTES as u64;
        let is_aligned = offset.is_multiple_of(block) && (bytes.len() as u64).is_multiple_of(block);
        let Some(file) = self.files.get_mut(&name) else { return Err(DiskError::NotFound) };
        if let (true, Some(direct)) = (is_aligned, &file.direct) {
            match self.aligned.write(direct, offset, bytes) {
                Err(error) if error.raw_os_error() == Some(INVALID) => {
                    file.direct = None;
                    self.fall_back(&error);
                    return self.write(name, offset, bytes);
                }
                result => return result.map_err(io),
            }
        }
        file.is_dirty = true;
        file.buffered.write_all_at(bytes, offset).map_err(io)
    }

    fn read(&mut self, name: FileName, offset: u64, len: u32) -> Result<Done, DiskError> {
        self.open(name)?;
        let Some(file) = self.files.get_mut(&name) else { return Err(DiskError::NotFound) };
        let size = file.buffered.metadata().map_err(io)?.len();
        if offset.checked_add(u64::from(len)).is_none_or(|end| end > size) {
            return Err(DiskError::BeyondEnd);
        }
        let len = len as usize;
        let mut bytes = reusable(&mut self.recent, len);
        file.buffered.read_exact_at(&mut bytes, offset).map_err(io)?;
        let bytes = bytes.freeze();
        if len >= REUSED_BYTES_MIN {
            self.recent.push_back(bytes.clone());
            self.recent.truncate(RECENT_MAX);
        }
        Ok(Done::Bytes(bytes))
    }

    /// Nothing to do if every write since the last time was durable when it returned.
    fn sync(&mut self, name: FileName) -> Result<(), DiskError> {
        self.open(name)?;
        let Some(file) = self.files.get_mut(&name) else { return Err(DiskError::NotFound) };
        if file.direct.is_none() || file.is_dirty {
            file.buffered.sync_data().map_err(io)?;
            file.is_dirty = false;
        }
        Ok(())
    }

    fn sync_folders(&mut self) -> Result<(), DiskError> {
        while let Some(folder) = self.dirty_folders.first().copied() {
            let folder_file = File::open(self.root.join(folder)).map_err(io)?;
            folder_file.sync_all().map_err(io)?;
            self.dirty_folders.remove(folder);
        }
        Ok(())
    }

    fn rename(&mut self, from: FileName, to: FileName) -> Result<(), DiskError> {
        std::fs::rename(self.path(from), self.path(to)).map_err(io)?;
        self.files.remove(&to);
        self.files.remove(&from);
        self.dirty_folders.extend([from.folder(), to.folder()]);
        Ok(())
    }

    fn remove(&mut self, file: FileName) -> Result<(), DiskError> {
        std::fs::remove_file(self.path(file)).map_err(io)?;
        self.files.remove(&file);
        self.dirty_folders.insert(file.folder());
        Ok(())
    }

    fn list(&self) -> Result<Done, DiskError> {
        let mut files = Vec::new();
        for folder in FOLDERS.into_iter().chain([""]) {
            let entries = match std::fs::read_dir(self.root.join(folder)) {
                Ok(entries) => entries,
                // Nothing is made for somebody who only looks.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io(error)),
            };
            for entry in entries {
                let entry = entry.map_err(io)?;
                let path = Path::new(folder).join(entry.file_name());
                let metadata = entry.metadata().map_err(io)?;
                if let (Some(name), true) = (FileName::parse(&path), metadata.is_file()) {
                    files.push((name, metadata.len()));
                }
            }
        }
        files.sort_unstable();
        Ok(Done::Files(files))
    }

    fn open(&mut self, name: FileName) -> Result<(), DiskError> {
        if self.files.contains_key(&name) {
            return Ok(());
        }
        // One segment at a time: a handle on one that was removed would keep its blocks.
        if matches!(name, FileName::Segment(_)) {
            self.files.retain(|other, _| !matches!(other, FileName::Segment(_)));
        }
        let path = self.path(name);
        let buffered = OpenOptions::new().read(true).write(true).open(&path);
        let buffered = match buffered {
            // Somebody who only looks need not be allowed to write.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(&path),
            other => other,
        };
        let direct = match (name, self.sync) {
            (FileName::Segment(_), SyncMode::Direct) if self.fallback.is_none() => {
                self.open_direct(&path)
            }
            _ => None,
        };
        let file = OpenFile { buffered: buffered.map_err(io)?, direct, is_dirty: true };
        self.files.insert(name, file);
        Ok(())
    }

    fn open_direct(&mut self, path: &Path) -> Option<File> {
        let flags = (OFlags::DIRECT | OFlags::DSYNC).bits().cast_signed();
        match OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Ok(file) => Some(file),
            Err(error) => {
                self.fall_back(&error);
                None
            }
        }
    }

    fn fall_back(&mut self, error: &std::io::Error) {
        self.fallback = Some(format!(
            "the file system under {} refuses direct writes ({error}); writes go through the page cache \
             and are synced with fdatasync instead, as with sync = \"fdatasync\"",
            self.root.display()
        ));
    }

    fn path(&self, file: FileName) -> PathBuf {
        self.root.join(file.path())
    }
}

impl Disk for RealDisk {
    fn submit(&mut self, ticket: Ticket, operation: Operation) {
        self.queue.push_back((ticket, operation));
    }

    fn complete(&mut self, finished: &mut Vec<Completion>) {
        while let Some((ticket, operation)) = self.queue.pop_front() {
            finished.push(Completion { ticket, result: self.carry_out(operation) });
        }
    }

    fn perform(&mut self, operation: Operation) -> Result<Done, DiskError> {
        self.carry_out(operation)
    }
}

impl AlignedBuffer {
    fn write(&mut self, file: &File, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes.resize(self.bytes.len().max(bytes.len() + BLOCK_BYTES), 0);
        let start = self.bytes.as_ptr().align_offset(BLOCK_BYTES);
        let place = self.bytes.get_mut(start..start.saturating_add(bytes.len()));
        let place = place.ok_or_else(|| std::io::Error::from(ErrorKind::OutOfMemory))?;
        place.copy_from_slice(bytes);
        file.write_all_at(place, offset)
    }
}

const INVALID: i32 = rustix::io::Errno::INVAL.raw_os_error();
const RECENT_MAX: usize = 4;
const REUSED_BYTES_MIN: usize = 128 * 1024;
const ZEROS_BYTES: usize = 1024 * 1024;

/// Memory of this size, from what was read before if it is free.
fn reusable(recent: &mut VecDeque<Bytes>, len: usize) -> BytesMut {
    for _ in 0..recent.len() {
        let Some(bytes) = recent.pop_front() else { break };
        if bytes.len() < len {
            continue;
        }
        match bytes.try_into_mut() {
            Ok(mut bytes) => {
                bytes.truncate(len);
                return bytes;
            }
            Err(bytes) => recent.push_back(bytes),
        }
    }
    BytesMut::zeroed(len)
}

/// Really written: a hole would change metadata at the first write into it.
fn fill_with_zeros(file: &File, bytes: u64) -> Result<(), DiskError> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let len = (bytes - offset).min(ZEROS_BYTES as u64);
        let part = usize::try_from(len).unwrap_or(ZEROS_BYTES);
        file.write_all_at(&zeros[..part], offset).map_err(io)?;
        offset += len;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn io(error: std::io::Error) -> DiskError {
    disk_error(&error)
}

pub(crate) fn disk_error(error: &std::io::Error) -> DiskError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DiskError::NoSpace,
        ErrorKind::NotFound => DiskError::NotFound,
        _ => DiskError::Failed(error.to_string()),
    }
}
