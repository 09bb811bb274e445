//! `aioli serve`: a folder over HTTP on a loopback port, to try `fetch` on.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aioli::prelude::*;

use crate::server::{self, Site};

/// The longest file that `--make` makes, in bytes.
const LENGTH_MAX: u64 = 64 * 1024;

/// Serve the files of a folder on a free loopback port, until Ctrl-C.
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The folder
    folder: PathBuf,
    /// Fill the folder with so many files first, of various lengths and always the same content
    #[arg(long, value_name = "N", default_value_t = 0)]
    make: u32,
    /// Write the URLs of the folder's files to a file, one a line
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

/// Serves until it is cancelled.
pub(crate) async fn serve(args: Args) -> Result<ExitCode> {
    fs::create_dir_all(&args.folder).await?;
    for n in 0..args.make {
        let path = args.folder.join(format!("file-{n:05}.bin"));
        fs::write(path, content(n)).await?;
    }
    let server = server::start(Site::Folder(args.folder.clone())).await?;
    if let Some(list) = &args.list {
        let mut urls = String::new();
        for name in names(&args.folder).await? {
            let _ = writeln!(urls, "{}", server::url(&server, &name));
        }
        fs::write(list, urls).await?;
    }
    writeln!(std::io::stdout(), "{}", server::url(&server, ""))?;
    server.serve_forever().await;
    Ok(ExitCode::SUCCESS)
}

/// The names of the folder's files that can stand in a URL as they are, sorted.
async fn names(folder: &Path) -> Result<Vec<String>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut entries = fs::read_dir(folder).await?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && entry.file_type().is_file()
            && name.chars().all(is_plain)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What file number `n` holds.
fn content(n: u32) -> Vec<u8> {
    // SplitMix64: every seed is as good as another, 0 too.
    let mut state = u64::from(n);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let length = next() % LENGTH_MAX;
    (0..length.div_ceil(8))
        .flat_map(|_| next().to_le_bytes())
        .take(usize::try_from(length).unwrap_or(0))
        .collect()
}
