//! The log on its own threads: one writes and syncs, one makes and removes files, so that no write waits for a
//! file. Branches on nothing; what is written, and when, is decided by [`Wal`].

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use raft_core::{Time, Write, WriteToken};

use crate::data_directory::DataDirectory;
use crate::disk::{Disk, DiskError, Operation};
use crate::real_disk::RealDisk;
use crate::segments::Chore;
use crate::wal::{Wal, WriteError};
use crate::wal_config::SyncMode;

/// A log that is being written. Dropping it stops the threads after what was handed over has been written.
#[derive(Debug)]
pub struct WalThread {
    commands: Sender<Command>,
    writer: Option<JoinHandle<()>>,
}

/// What the log tells, from its own thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Up to this unit all is durable.
    Durable(WriteToken),
    /// The log takes no more; said once.
    Failed(WriteError),
    /// Something an operator should read once; the log goes on.
    Notice(String),
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every command is a write; a box would be one allocation each"
)]
enum Command {
    Write(Write),
    ChoreDone(Result<(), DiskError>),
    Stop,
}

/// The writing thread's own.
struct Writer<F> {
    wal: Wal,
    disk: RealDisk,
    commands: Receiver<Command>,
    chores: Sender<Chore>,
    begun: Instant,
    report: F,
    is_noticed: bool,
    is_stopping: bool,
}

impl WalThread {
    /// Starts both threads. `report` is called on the writing one, and should only hand on what it is told.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(
        wal: Wal,
        directory: &DataDirectory,
        sync: SyncMode,
        report: impl FnMut(Report) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (commands, inbox) = channel();
        let (chores, chore_inbox) = channel();
        let (done, chore_disk) = (commands.clone(), directory.disk(SyncMode::Fdatasync));
        let helper = std::thread::Builder::new().name("wal-files".to_owned());
        let helper = helper.spawn(move || do_chores(chore_disk, &chore_inbox, &done))?;
        let writer = Writer {
            wal,
            disk: directory.disk(sync),
            commands: inbox,
            chores,
            begun: Instant::now(),
            report,
            is_noticed: false,
            is_stopping: false,
        };
        let thread = std::thread::Builder::new().name("wal".to_owned());
        let thread = thread.spawn(move || {
            writer.run();
            // The writer is gone and with it the channel, so the helper ends with its present chore.
            drop(helper.join());
        })?;
        Ok(Self { commands, writer: Some(thread) })
    }

    /// Hands over a unit. Never waits. Nothing happens once the log has failed.
    pub fn write(&self, unit: Write) {
        // A closed channel means that the log has failed and has said so.
        drop(self.commands.send(Command::Write(unit)));
    }

    /// Writes what was handed over, and ends both threads.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        drop(self.commands.send(Command::Stop));
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl Drop for WalThread {
    fn drop(&mut self) {
        self.join();
    }
}

impl<F: FnMut(Report)> Writer<F> {
    fn run(mut self) {
        if let Err(error) = self.turns() {
            (self.report)(Report::Failed(error));
        }
    }

    fn turns(&mut self) -> Result<(), WriteError> {
        loop {
            self.drain()?;
            if let Some(chore) = self.wal.next_chore() {
                drop(self.chores.send(chore));
            }
            match self.wal.next_batch(self.now()) {
                Some(batch) => {
                    let result = carry_out(&mut self.disk, batch.operations);
                    let durable = self.wal.done(result)?;
                    (self.report)(Report::Durable(durable));
                    self.notice();
                }
                None if self.is_stopping && self.wal.is_idle() => return Ok(()),
                None => self.wait()?,
            }
        }
    }

    /// Takes what has come in without waiting: all of it goes into the next batch.
    fn drain(&mut self) -> Result<(), WriteError> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.take(command)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    self.is_stopping = true;
                    return Ok(());
                }
            }
        }
    }

    fn wait(&mut self) -> Result<(), WriteError> {
        let now = self.now();
        let command = match self.wal.deadline() {
            Time::NEVER => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            due => {
                let us = due.0.saturating_sub(now.0);
                self.commands.recv_timeout(Duration::from_micros(us))
            }
        };
        match command {
            Ok(command) => self.take(command),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                self.is_stopping = true;
                Ok(())
            }
        }
    }

    fn take(&mut self, command: Command) -> Result<(), WriteError> {
        match command {
            Command::Write(unit) => self.wal.append(unit),
            Command::ChoreDone(result) => self.wal.chore_done(result),
            Command::Stop => {
                self.is_stopping = true;
                Ok(())
            }
        }
    }

    fn notice(&mut self) {
        if let (false, Some(sentence)) = (self.is_noticed, self.disk.fallback()) {
            self.is_noticed = true;
            (self.report)(Report::Notice(sentence.to_owned()));
        }
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

fn do_chores(mut disk: RealDisk, chores: &Receiver<Chore>, done: &Sender<Command>) {
    while let Ok(chore) = chores.recv() {
        let result = carry_out(&mut disk, chore.operations);
        if done.send(Command::ChoreDone(result)).is_err() {
            return;
        }
    }
}

fn carry_out(disk: &mut RealDisk, operations: Vec<Operation>) -> Result<(), DiskError> {
    operations.into_iter().try_for_each(|operation| disk.perform(operation).map(drop))
}
