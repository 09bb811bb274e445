//! Writes a file and reads it again.

use aioli::prelude::*;

aioli::main!(async {
    let mut f = fs::create("out.txt").await?;
    f.write_all("Hello, async file!").await?;
    let mut f = fs::open("out.txt").await?;
    println!("{}", f.read_to_string().await?);
});
