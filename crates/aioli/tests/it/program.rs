//! `main!`: what its block may end with, and what comes of it.

use std::process::ExitCode;

/// Each module is a program.
macro_rules! programs {
    ($($name:ident { $($body:tt)* })*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "not every program uses it")]
            use aioli::prelude::*;
            aioli::main!(async { $($body)* });
        }
    )* };
}

programs! {
    empty {}
    statement { sleep(0).await; }
    expression { sleep(0).await }
    result { process::shell("exit 0").run().await.map(drop) }
    question_mark {
        let n: u32 = "one".parse()?;
        println!("{n}");
    }
    own_error { Err::<(), _>(std::fmt::Error) }
    early { if true { return Err(anyhow!("early")); } }
    early_success { if true { return Ok(std::process::ExitCode::from(3)); } }
    code { std::process::ExitCode::from(7) }
    code_in_result { Ok::<_, std::io::Error>(std::process::ExitCode::from(8)) }
}

mod moved {
    aioli::main!(async move {});
}

mod forever {
    use aioli::prelude::*;

    aioli::main!(async {
        let mut n = 0;
        loop {
            sleep(0).await;
            n += 1;
            ensure!(n < 3, "the third time");
        }
    });
}

#[track_caller]
fn check(main: fn() -> ExitCode, code: u8) {
    // `ExitCode` cannot be compared, but it can be shown.
    assert_eq!(
        format!("{:?}", main()),
        format!("{:?}", ExitCode::from(code))
    );
}

#[test]
fn exit_codes() {
    for main in [empty::main, statement::main, expression::main, moved::main] {
        check(main, 0);
    }
    for main in [
        question_mark::main,
        own_error::main,
        early::main,
        forever::main,
    ] {
        check(main, 1);
    }
    check(early_success::main, 3);
    check(code::main, 7);
    check(code_in_result::main, 8);
}

#[test]
#[cfg(unix)]
fn result_of_a_function() {
    check(result::main, 0);
}
