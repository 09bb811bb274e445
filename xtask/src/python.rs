//! Virtual environments of Python with packages of our choice.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::command::Cmd;
use crate::terminal::{Spinner, Terminal};

/// Returns the Python of the environment in `dir`, which is made if its packages are not what
/// the file `requirements` lists, and why not all of them could be installed, if so it is.
pub(crate) fn environment(dir: &Path, requirements: &Path) -> Result<(PathBuf, Result)> {
    let wanted = fs::read_to_string(requirements)?;
    let (python, stamp) = (dir.join("bin/python"), dir.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok((python, Ok(())));
    }
    let make = Cmd::new("python3", "-m venv").arg(dir.to_string_lossy());
    make.read()
        .map_err(|e| format!("no virtual environment: {e}"))?;
    let pip = Cmd::new(&python.to_string_lossy(), "-m pip install --quiet -r");
    let pip = pip.arg(requirements.to_string_lossy());
    let mut spinner = Spinner::start(Terminal::detect(), "pip");
    let captured = pip.capture(|line| spinner.tick(line))?;
    drop(spinner);
    if captured.success {
        fs::write(stamp, wanted)?;
        return Ok((python, Ok(())));
    }
    // What comes after the error is advice.
    let mut lines = captured.output.lines();
    let why = lines.rfind(|line| line.starts_with("ERROR: "));
    let why = why.unwrap_or("pip does not say why");
    Ok((python, Err(why.into())))
}
