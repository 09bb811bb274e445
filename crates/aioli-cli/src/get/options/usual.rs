//! Options of curl that ask for what happens anyway.

/// What scripts say that were written for curl.
#[derive(clap::Args)]
#[command(next_help_heading = "Of no effect: it is so anyway")]
pub(in crate::get) struct UsualOptions {
    /// Read no `.curlrc`
    #[arg(short = 'q', long)]
    disable: bool,
    /// Write what comes at once
    #[arg(short = 'N', long)]
    no_buffer: bool,
    /// Show progress as a bar
    #[arg(short = '#', long)]
    progress_bar: bool,
    /// Send small pieces at once
    #[arg(long)]
    tcp_nodelay: bool,
    /// Take the certificate of `--cert` for PEM or DER, which it shows itself
    #[arg(long, value_name = "TYPE", value_parser = ["PEM", "DER"], ignore_case = true)]
    cert_type: Option<String>,
    /// Take the key of `--key` for PEM or DER, which it shows itself
    #[arg(long, value_name = "TYPE", value_parser = ["PEM", "DER"], ignore_case = true)]
    key_type: Option<String>,
    /// With `--retry`, try again where a connection is refused
    #[arg(long)]
    retry_connrefused: bool,
}
