//! What people see: colour and a moving line where there is a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The frames of the spinner.
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// The time between two frames.
const FRAME: Duration = Duration::from_millis(100);
/// The width that is assumed where the environment does not tell.
const WIDTH: usize = 80;

/// What standard output and standard error can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    colour: bool,
    moving: bool,
    width: usize,
}

/// A colour, by its meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Quiet,
}

impl Terminal {
    /// Looks at the streams and the environment.
    pub(crate) fn detect() -> Terminal {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        Terminal {
            colour: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            moving: io::stderr().is_terminal() && !dumb,
            width: columns.unwrap_or(WIDTH),
        }
    }

    /// Returns `text` in a colour, if colours are shown.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Quiet => "2",
        };
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The line that moves while a step runs; it vanishes when dropped.
#[derive(Debug)]
pub(crate) struct Spinner {
    terminal: Terminal,
    name: String,
    started: Instant,
    drawn: Option<Instant>,
    hint: String,
}

impl Spinner {
    /// Starts the line of step `name`.
    pub(crate) fn start(terminal: Terminal, name: &str) -> Spinner {
        let mut spinner = Spinner {
            terminal,
            name: name.to_owned(),
            started: Instant::now(),
            drawn: None,
            hint: String::new(),
        };
        spinner.tick(None);
        spinner
    }

    /// Draws the next frame if it is time, with the newest line of output as a hint.
    pub(crate) fn tick(&mut self, line: Option<&str>) {
        if let Some(line) = line {
            line.trim().clone_into(&mut self.hint);
        }
        if !self.terminal.moving || self.drawn.is_some_and(|at| at.elapsed() < FRAME) {
            return;
        }
        self.drawn = Some(Instant::now());
        let frame = FRAMES
            [(self.started.elapsed().as_millis() / FRAME.as_millis()) as usize % FRAMES.len()];
        let head = format!(
            "{frame}     {:<26} {:>6.1} s",
            self.name,
            self.started.elapsed().as_secs_f64()
        );
        let room = self.terminal.width.saturating_sub(head.chars().count() + 3);
        let hint: String = self
            .hint
            .chars()
            .filter(|c| !c.is_control())
            .take(room)
            .collect();
        // An error to draw is no reason to fail: the line is for eyes only.
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{head}  {}",
            self.terminal.paint(Tone::Quiet, &hint)
        );
        let _ = io::stderr().flush();
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}
