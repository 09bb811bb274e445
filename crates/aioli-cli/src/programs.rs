//! The tutorial's programs: the very files that are the facade's examples.

use std::env;
use std::process::ExitCode;

/// A program, as text and as the function that it was compiled to.
pub(crate) struct Program {
    /// Its name, which is that of its file.
    pub(crate) name: &'static str,
    /// The whole file.
    source: &'static str,
    pub(crate) main: fn() -> ExitCode,
}

macro_rules! programs {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[path = $path]
            mod $name;
        )*

        /// All of them, in the order of the tutorial.
        pub(crate) static PROGRAMS: &[Program] = &[$(Program {
            name: stringify!($name),
            source: include_str!($path),
            main: $name::main,
        }),*];
    };
}

programs! {
    hello = "../../aioli/examples/hello.rs";
    create_task = "../../aioli/examples/create_task.rs";
    gather = "../../aioli/examples/gather.rs";
    files = "../../aioli/examples/files.rs";
    http_gather = "../../aioli/examples/http_gather.rs";
    async_with = "../../aioli/examples/async_with.rs";
    async_with_fn = "../../aioli/examples/async_with_fn.rs";
    async_for = "../../aioli/examples/async_for.rs";
    async_for_each = "../../aioli/examples/async_for_each.rs";
    custom_iterator = "../../aioli/examples/custom_iterator.rs";
    try_except = "../../aioli/examples/try_except.rs";
    gather_errors = "../../aioli/examples/gather_errors.rs";
    producer_consumer = "../../aioli/examples/producer_consumer.rs";
    semaphore = "../../aioli/examples/semaphore.rs";
    timeout = "../../aioli/examples/timeout.rs";
    race = "../../aioli/examples/race.rs";
    task_group = "../../aioli/examples/task_group.rs";
    cancel_task = "../../aioli/examples/cancel_task.rs";
    run_in_executor = "../../aioli/examples/run_in_executor.rs";
    create_subprocess = "../../aioli/examples/create_subprocess.rs";
    signal_handler = "../../aioli/examples/signal_handler.rs";
    echo_server = "../../aioli/examples/echo_server.rs";
}

/// Names the program that this process is to be, instead of the command. It is a variable, and
/// not an argument, because arguments are the program's own.
pub(crate) const VARIABLE: &str = "AIOLI_TOUR_PROGRAM";

/// The program that this process was started to be.
pub(crate) fn requested() -> Option<&'static Program> {
    find(env::var(VARIABLE).ok()?.as_str())
}

/// The program of that name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

impl Program {
    /// What it shows, in a sentence: the first line of its file.
    pub(crate) fn title(&self) -> &'static str {
        let first = self.source.lines().next().unwrap_or_default();
        first.trim_start_matches("//! ")
    }

    /// What follows the title.
    pub(crate) fn code(&self) -> &'static str {
        let rest = self.source.split_once('\n').map_or("", |(_, rest)| rest);
        rest.trim_start()
    }
}

#[cfg(test)]
mod tests {
    use super::PROGRAMS;
    use std::{fs, path::Path};

    #[test]
    fn every_example_is_a_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aioli/examples");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let names = files.filter_map(|file| {
            let name = file.file_name().into_string().unwrap();
            name.strip_suffix(".rs").map(str::to_owned)
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        let mut known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn every_program_has_a_title_and_code() {
        for program in PROGRAMS {
            let (title, code) = (program.title(), program.code());
            assert!(title.ends_with('.') && !title.contains('/'), "{title}");
            assert!(code.starts_with("use aioli::prelude::*;\n"), "{code}");
        }
    }
}
