//! The worker: makes one attempt, wherever an executor started it, and seals what came of it.
//!
//! The attempt's lock is an empty file that is the standard input of the worker and of every
//! process below it, so that it is held as long as any of them lives, and by nobody once all are
//! gone: no process id, which another process may get, and no clock is asked.

use crate::curve::{CurvePoint, CurveReader};
use crate::failpoint::{self, RESULT_SEALED};
use crate::folder::{AttemptFolder, create_folder, is_disk_full, open_to_append, read_limited};
use crate::order::{Order, Places, arguments};
use crate::outcome::{Ending, Measured, Outcome, read_output};
use crate::plan::ENVIRONMENT;
use isoflop_runs::write_atomically;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Who holds the attempt's lock when a worker starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// The worker: its standard input is the locked file.
    Inherited,
    /// Nobody yet.
    Free,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// The result is sealed, now or by an earlier start of the same attempt.
    Sealed,
    /// Another process is making this attempt.
    AlreadyRunning,
    /// Its controller told it to stop.
    Stopped,
    /// A signal told it to stop.
    Signalled,
}

/// Why a worker could do nothing.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The order is missing or damaged.
    #[error("cannot read the order {}: {message}", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The attempt's folder can't be used.
    #[error("cannot use the attempt's folder: {0}")]
    Folder(#[from] io::Error),
}

/// Longest order that is read, bytes.
const LARGEST_ORDER: u64 = 4 << 20;
/// Time between two looks at a running command.
const GLANCE: Duration = Duration::from_millis(50);
/// Time that a command has to end after it was told to.
const PATIENCE: Duration = Duration::from_secs(4);
/// Tries to take a lock that is held, a glance apart.
const LOCK_TRIES: usize = 20;
/// Folders within folders of a checkpoint that are copied.
const DEEPEST: u32 = 8;

/// Makes the attempt in `folder`; `isoflop` is this program.
///
/// # Errors
/// [`WorkerError`] where not even a result could be written.
pub fn work(folder: &AttemptFolder, isoflop: &Path, lock: Lock) -> Result<Worked, WorkerError> {
    let order = read_order(folder)?;
    let Some(held) = take_lock(folder, lock)? else {
        return Ok(Worked::AlreadyRunning);
    };
    if folder.result().exists() {
        return Ok(Worked::Sealed);
    }
    // Revoked before it began: a job that an engine delivers late must not run twice.
    if folder.stop().exists() {
        return Ok(Worked::Stopped);
    }
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&told))?;
    }
    adopt_checkpoint(folder, &order)?;
    patiently(|| write_atomically(&folder.spec(), order.spec.as_bytes()))?;
    let worker = Worker {
        folder,
        order: &order,
        isoflop,
        held,
        told,
        beats: 0,
    };
    worker.run()
}

fn read_order(folder: &AttemptFolder) -> Result<Order, WorkerError> {
    let path = folder.order();
    let fault = |message: String| WorkerError::Order {
        path: path.clone(),
        message,
    };
    let bytes = read_limited(&path, LARGEST_ORDER)
        .map_err(|error| fault(error.to_string()))?
        .ok_or_else(|| fault("there is none".to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))
}

/// The file that stands for the lock; `None` if another process holds it.
fn take_lock(folder: &AttemptFolder, lock: Lock) -> io::Result<Option<Held>> {
    if lock == Lock::Inherited {
        return Ok(Some(Held::Input));
    }
    let file = open_to_append(&folder.lock())?;
    let mut locked = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(locked, Err(TryLockError::WouldBlock)) {
            break;
        }
        // The controller may be looking at this very moment.
        sleep(GLANCE);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(Some(Held::File(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            // A shared file system without locks: the counter of progress must do.
            Ok(Some(Held::File(file)))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether any process of the attempt lives on this machine.
///
/// # Errors
/// Those of the file system; the attempt must then count as alive.
pub fn is_locked(folder: &AttemptFolder) -> io::Result<bool> {
    let file = match File::open(folder.lock()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Copies the state that an earlier attempt left, folders and all; the trainer itself judges what
/// it is worth. The copy is there as a whole or not at all: half of a state would pass for one.
fn adopt_checkpoint(folder: &AttemptFolder, order: &Order) -> io::Result<()> {
    let Some(earlier) = &order.resume_from else {
        return Ok(());
    };
    let to = folder.checkpoint();
    let earlier = AttemptFolder::new(earlier.clone()).checkpoint();
    if std::fs::read_dir(&to)?.next().is_some() || !earlier.is_dir() {
        return Ok(());
    }
    let part = folder.root().join("checkpoint.part");
    if part.exists() {
        std::fs::remove_dir_all(&part)?;
    }
    create_folder(&part)?;
    copy_files(&earlier, &part, DEEPEST)?;
    // Takes the place of the empty folder.
    std::fs::rename(&part, &to)
}

/// Copies files and folders down to a depth. `file_type` does not follow links: none is taken.
fn copy_files(from: &Path, to: &Path, depth: u32) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if kind.is_file() {
            patiently(|| std::fs::copy(entry.path(), &target).map(drop))?;
        } else if kind.is_dir() && depth > 0 {
            patiently(|| create_folder(&target))?;
            copy_files(&entry.path(), &target, depth - 1)?;
        }
    }
    Ok(())
}

/// Repeats what fails for want of space until there is some.
fn patiently(mut action: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut said = false;
    loop {
        match action() {
            Err(error) if is_full(&error) => {
                if !said {
                    eprintln!("isoflop: the disk is full; waiting for space");
                    said = true;
                }
                sleep(Duration::from_secs(1));
            }
            other => return other,
        }
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A lock that is held, to be handed down.
enum Held {
    /// It is the standard input already.
    Input,
    /// By this file.
    File(File),
}

impl Held {
    fn hand_down(&self) -> io::Result<Stdio> {
        match self {
            Held::Input => Ok(Stdio::inherit()),
            Held::File(file) => Ok(Stdio::from(file.try_clone()?)),
        }
    }
}

struct Worker<'a> {
    folder: &'a AttemptFolder,
    order: &'a Order,
    isoflop: &'a Path,
    held: Held,
    told: Arc<AtomicBool>,
    beats: u64,
}

/// How the command ended.
enum Ended {
    By(ExitStatus),
    Diverged(String),
    Told,
    Signalled,
    NotStarted(String),
}

impl Worker<'_> {
    fn run(mut self) -> Result<Worked, WorkerError> {
        let began = Instant::now();
        let ended = loop {
            let ended = self.run_command()?;
            let failed = matches!(&ended, Ended::By(status) if !status.success());
            if !(failed && self.waited_for_space()) {
                break ended;
            }
        };
        let (ending, reason, measured) = match ended {
            Ended::Told => return Ok(Worked::Stopped),
            Ended::Signalled => return Ok(Worked::Signalled),
            // What was measured on the way to a divergence is of no use for a fit.
            Ended::Diverged(reason) => (Ending::Diverged, Some(reason), Measured::default()),
            Ended::NotStarted(reason) => (Ending::Failed, Some(reason), Measured::default()),
            Ended::By(status) if status.success() => {
                read_output(self.folder).unwrap_or_else(|error| {
                    (Ending::Failed, Some(error.to_string()), Measured::default())
                })
            }
            Ended::By(status) => (Ending::Failed, Some(describe(status)), Measured::default()),
        };
        self.seal(&Outcome {
            key: self.order.key.clone(),
            nonce: self.order.nonce.clone(),
            ending,
            reason,
            measured,
            wall_secs: began.elapsed().as_secs_f64(),
        })?;
        failpoint::pass(RESULT_SEALED);
        Ok(Worked::Sealed)
    }

    fn seal(&self, outcome: &Outcome) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(outcome).map_err(io::Error::from)?;
        patiently(|| write_atomically(&self.folder.result(), &bytes))
    }

    fn run_command(&mut self) -> Result<Ended, WorkerError> {
        // A result of an earlier start that never was sealed may be half of one.
        if let Err(error) = std::fs::remove_file(self.folder.output())
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let mut child = match self.start()? {
            Ok(child) => child,
            Err(reason) => return Ok(Ended::NotStarted(reason)),
        };
        let mut watch = Watch::new(self.folder, self.order);
        let beat = Duration::from_secs_f64(self.order.beat_secs.clamp(0.05, 600.0));
        let mut last_beat: Option<Instant> = None;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(watch.look().map_or(Ended::By(status), Ended::Diverged));
            }
            if self.told.load(Ordering::Relaxed) {
                end(&mut child);
                return Ok(Ended::Signalled);
            }
            if last_beat.is_none_or(|last| last.elapsed() >= beat) {
                last_beat = Some(Instant::now());
                self.count_progress();
                if self.folder.stop().exists() {
                    end(&mut child);
                    return Ok(Ended::Told);
                }
                if let Some(reason) = watch.look() {
                    end(&mut child);
                    return Ok(Ended::Diverged(reason));
                }
            }
            sleep(GLANCE);
        }
    }

    /// The inner error is the command's own fault, said in words.
    fn start(&self) -> io::Result<Result<Child, String>> {
        let (folder, order) = (self.folder, self.order);
        let places = Places {
            spec: &folder.spec(),
            result: &folder.output(),
            curve: &folder.curve(),
            checkpoint: &folder.checkpoint(),
            isoflop: self.isoflop,
        };
        let arguments = arguments(&order.command, &places);
        let Some((program, rest)) = arguments.split_first() else {
            return Ok(Err("the command is empty".to_owned()));
        };
        let log = open_to_append(&folder.log())?;
        let mut command = Command::new(program);
        command
            .args(rest)
            .current_dir(&order.folder)
            .env_clear()
            .envs(environment(order))
            .stdin(self.held.hand_down()?)
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        die_with_parent(&mut command);
        Ok(command
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", program.to_string_lossy())))
    }

    fn count_progress(&mut self) {
        self.beats += 1;
        // Only a hint: a full disk must not end a run. The random part tells starts apart.
        let text = format!("{}-{}", std::process::id(), self.beats);
        let _ = std::fs::write(self.folder.progress(), text);
    }

    /// Whether the disk was full, and has space again.
    fn waited_for_space(&mut self) -> bool {
        let mut waited = false;
        while is_disk_full(self.folder.root()) {
            if self.told.load(Ordering::Relaxed) || self.folder.stop().exists() {
                return false;
            }
            waited = true;
            sleep(Duration::from_secs(1));
        }
        waited
    }
}

/// What the command sees of the environment.
fn environment(order: &Order) -> Vec<(String, std::ffi::OsString)> {
    let mut seen: Vec<_> = ENVIRONMENT
        .iter()
        .copied()
        .chain(order.environment.iter().map(String::as_str))
        .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
        .collect();
    let cores = order.cores.to_string();
    for name in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
        if !order.environment.iter().any(|listed| listed == name) {
            seen.push((name.to_owned(), cores.clone().into()));
        }
    }
    seen
}

/// A worker that is killed takes its command with it.
fn die_with_parent(command: &mut Command) {
    let set = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: the closure makes one system call and allocates nothing, as the time between fork
    // and exec demands.
    unsafe {
        command.pre_exec(set);
    }
}

/// Asks the command and its children to end, then makes them.
fn end(child: &mut Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let asked = Instant::now();
    let _ = kill_process_group(group, Signal::TERM);
    while asked.elapsed() < PATIENCE {
        if matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        sleep(GLANCE);
    }
    // Whatever is left of the group, whether or not its leader has gone.
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the command ended with status {code}"),
        (None, Some(9)) => {
            "the command was killed (signal 9): out of memory is the usual reason".to_owned()
        }
        (None, Some(signal)) => format!("the command was ended by signal {signal}"),
        (None, None) => "the command ended in an unknown way".to_owned(),
    }
}

/// Watches the learning curve for a divergence.
struct Watch<'a> {
    curve: CurveReader,
    order: &'a Order,
}

impl<'a> Watch<'a> {
    fn new(folder: &AttemptFolder, order: &'a Order) -> Self {
        Watch {
            curve: CurveReader::new(&folder.curve()),
            order,
        }
    }

    /// Why the run counts as diverged, once it does.
    fn look(&mut self) -> Option<String> {
        self.curve.more().into_iter().find_map(|point| match point {
            CurvePoint::NotFinite { step, what } => {
                Some(format!("the loss is {what} at step {step}"))
            }
            CurvePoint::Measured(point) => {
                let limit = self.order.diverged_above?;
                let loss = point.loss.or(point.train_loss)?.get();
                let warm = self.order.diverged_after * self.order.tokens;
                (loss > limit && point.tokens.get() >= warm)
                    .then(|| format!("the loss {loss:.4} exceeds {limit} at step {}", point.step))
            }
        })
    }
}
