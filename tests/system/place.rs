//! A directory of its own for every test: where the program works, and where its temporary files go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Finished, SHORT, finish};

pub struct Place {
    directory: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        fs::create_dir(directory.path().join("work")).unwrap();
        Self { directory }
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Writes a file below the working directory, for its owner only.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        mode(&path, 0o600);
        path
    }

    /// The program with nothing inherited: no variables, no input, no other directories.
    pub fn autotrader(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autotrader"));
        command
            .args(arguments)
            .env_clear()
            .env("TMPDIR", self.directory.path().join("tmp"))
            .env("HOME", self.directory.path())
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.autotrader(arguments), SHORT)
    }

    /// Every file and directory that is there, relative, apart from the two made at the start.
    pub fn contents(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.directory.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let name = path.strip_prefix(self.directory.path()).unwrap();
                found.insert(name.display().to_string());
                if entry.file_type().unwrap().is_dir() {
                    open.push(path);
                }
            }
        }
        found.remove("tmp");
        found.remove("work");
        found
    }
}

/// Sets a file's permissions.
pub fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
