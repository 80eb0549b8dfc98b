//! Child processes with a bounded life: started here, read line by line, and never left behind.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command may take that reads, computes and ends. Far above what any takes: a busy machine must not fail it.
pub const SHORT: Duration = Duration::from_secs(60);

/// A moment in real time after which waiting is given up.
#[derive(Clone, Copy)]
pub struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
    #[expect(
        clippy::disallowed_methods,
        reason = "the life of a child process is bounded in real time; nothing is asserted about it"
    )]
    pub fn after(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
        }
    }

    fn left(self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }
}

enum Line {
    Out(String),
    Err(String),
}

/// How a process ended.
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}; stderr {:?}", self.stdout, self.stderr))
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self
    }

    /// The one line on standard error of a command that ended with `code`.
    #[track_caller]
    pub fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        let line = self.stderr.trim_end_matches('\n');
        assert!(!line.is_empty(), "the reason is on standard error");
        assert!(!line.contains('\n'), "one line: {line}");
        line
    }
}

/// A running process; dropping it kills it.
pub struct Running {
    child: Child,
    lines: Receiver<Line>,
    stdout: String,
    stderr: String,
}

impl Running {
    /// Starts `command` with both outputs read.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        forward(child.stdout.take().unwrap(), sender.clone(), Line::Out);
        forward(child.stderr.take().unwrap(), sender, Line::Err);
        Self {
            child,
            lines,
            stdout: String::new(),
            stderr: String::new(),
        }
    }

    /// The next line of either output; `None` when the process has ended.
    #[track_caller]
    pub fn next_line(&mut self, deadline: Deadline) -> Option<String> {
        match self.lines.recv_timeout(deadline.left()) {
            Ok(Line::Out(line)) => {
                self.stdout.push_str(&line);
                self.stdout.push('\n');
                Some(line)
            }
            Ok(Line::Err(line)) => {
                self.stderr.push_str(&line);
                self.stderr.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                panic!(
                    "took longer than {:?}: {}{}",
                    deadline.limit, self.stdout, self.stderr
                )
            }
        }
    }

    /// Reads on to the first line that holds `text`.
    #[track_caller]
    pub fn until(&mut self, text: &str, deadline: Deadline) -> String {
        loop {
            match self.next_line(deadline) {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("ended before `{text}`: {}{}", self.stdout, self.stderr),
            }
        }
    }

    /// Asks the process to stop, as an operator or a container does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Keeps the process from answering anybody, while its connections stay open.
    pub fn suspend(&self) {
        self.signal("STOP");
    }

    /// Lets a suspended process go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        // The child is not waited for yet, so its number is still its own.
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Ends the process at once, as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Reads to the end. Both outputs end when the process does.
    #[track_caller]
    pub fn end(mut self, limit: Duration) -> Finished {
        let deadline = Deadline::after(limit);
        while self.next_line(deadline).is_some() {}
        let status = self.child.wait().unwrap();
        let finished = Finished {
            code: status.code(),
            stdout: std::mem::take(&mut self.stdout),
            stderr: std::mem::take(&mut self.stderr),
        };
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(from: impl Read + Send + 'static, to: Sender<Line>, wrap: fn(String) -> Line) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while matches!(from.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&bytes);
            if to.send(wrap(text.trim_end_matches('\n').to_owned())).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

/// Runs `command` to its end.
#[track_caller]
pub fn finish(command: &mut Command, limit: Duration) -> Finished {
    Running::start(command).end(limit)
}
