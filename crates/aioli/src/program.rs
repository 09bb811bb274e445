//! `main!`: a program's main function around an async body.

use std::backtrace::BacktraceStatus;
use std::future::Future;
use std::process::ExitCode;

use crate::{Error, Result};

/// Makes the program's `main` function out of an async block.
///
/// In the block `?` takes any error. It may end with a value that [`MainOutput`] lists, which
/// includes nothing at all, so no `Ok(())` is needed. An error is written to the standard error
/// stream with its causes, on one line, and the program's exit status is 1; with
/// `RUST_BACKTRACE=1` the place it comes from follows.
///
/// The block runs in [`task::run`](crate::task::run): tasks that are left are cancelled when it
/// ends, and Ctrl-C cancels it.
///
/// # Examples
///
/// ```
/// # mod program {
/// use aioli::prelude::*;
///
/// aioli::main!(async {
///     let answer: u32 = "42".parse()?;
///     sleep(0.01).await;
///     println!("{answer}");
/// });
/// # }
/// # fn main() -> std::process::ExitCode { program::main() }
/// ```
#[doc(alias = "asyncio.run")]
#[macro_export]
macro_rules! main {
    (async $(move)? { $($body:tt)* }) => {
        /// Runs the program.
        pub fn main() -> ::std::process::ExitCode {
            $crate::run_program(async {
                let output = { $($body)* };
                // A block that loops for ever never gets here.
                #[allow(unreachable_code)]
                return $crate::MainOutput::into_result(output);
            })
        }
    };
}

/// What the block of [`main!`](crate::main!) may end with: nothing, a `Result`, an exit code, or
/// not at all.
///
/// # Examples
///
/// ```
/// use aioli::MainOutput;
///
/// assert!(().into_result().is_ok());
/// assert!(Err::<(), _>(std::fmt::Error).into_result().is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`main!` cannot end with `{Self}`",
    note = "end with nothing, a `Result<()>`, or a `std::process::ExitCode`"
)]
pub trait MainOutput {
    /// The exit code, or the error that ends the program.
    ///
    /// # Errors
    ///
    /// The error that the block ended with.
    fn into_result(self) -> Result<ExitCode>;
}

impl MainOutput for () {
    fn into_result(self) -> Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}

impl MainOutput for ExitCode {
    fn into_result(self) -> Result<ExitCode> {
        Ok(self)
    }
}

impl<T: MainOutput, E: Into<Error>> MainOutput for Result<T, E> {
    fn into_result(self) -> Result<ExitCode> {
        self.map_err(Into::into)?.into_result()
    }
}

/// The type `!`, which has no name yet, by way of a function that returns it.
type Never = <fn() -> ! as Function>::Output;

/// A function, seen by what it returns.
pub trait Function {
    /// What it returns.
    type Output;
}

impl<T> Function for fn() -> T {
    type Output = T;
}

/// A block that loops for ever.
impl MainOutput for Never {
    fn into_result(self) -> Result<ExitCode> {
        self
    }
}

/// Runs what [`main!`](crate::main!) has made of its block, and reports its error.
#[doc(hidden)]
#[track_caller]
pub fn run_program(main: impl Future<Output = Result<ExitCode>>) -> ExitCode {
    crate::task::run(main).unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        let backtrace = error.backtrace();
        if backtrace.status() == BacktraceStatus::Captured {
            eprintln!("\n{backtrace}");
        }
        ExitCode::FAILURE
    })
}
