//! Runs two commands at once and shows what they print.

use aioli::prelude::*;

async fn run_shell(command: &str) -> Result {
    let output = process::shell(command).output().await?;
    println!("{command}: {}", output.status.returncode());
    print!("{}", output.text());
    Ok(())
}

aioli::main!(async {
    let (first, second) = gather((run_shell("sleep 1; echo hello"), run_shell("exit 7"))).await;
    first.and(second)
});
