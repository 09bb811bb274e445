//! What `--write-out` tells of a transfer.

use std::net::SocketAddr;
use std::time::Duration;

use aioli::http::{HeaderMap, Response, Timings, Version, header};
use serde_json::{Number, Value};

use super::log::Notes;
use super::output::version;

/// What has come, as `--write-out` tells it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) status: u16,
    pub(super) url: String,
    pub(super) content_type: String,
    pub(super) bytes: u64,
    pub(super) redirects: usize,
    pub(super) seconds: f64,
    pub(super) code: u8,
    pub(super) error: String,
    pub(super) method: String,
    pub(super) version: Option<Version>,
    pub(super) file: String,
    /// Those of the response, if there is one.
    pub(super) timings: Option<Timings>,
    /// Those of the response.
    pub(super) headers: HeaderMap,
    /// Where it would have gone on, if it was told.
    pub(super) redirect: String,
    /// How many transfers were before it.
    pub(super) number: usize,
    pub(super) notes: Notes,
}

/// What `%{json}` tells, and whether it is a text.
const ALL: [(&str, bool); 28] = [
    ("content_type", true),
    ("errormsg", true),
    ("exitcode", false),
    ("filename_effective", true),
    ("http_code", false),
    ("http_connect", false),
    ("http_version", true),
    ("method", true),
    ("num_connects", false),
    ("num_headers", false),
    ("num_redirects", false),
    ("num_retries", false),
    ("redirect_url", true),
    ("remote_ip", true),
    ("remote_port", false),
    ("scheme", true),
    ("size_download", false),
    ("size_header", false),
    ("size_upload", false),
    ("speed_download", false),
    ("speed_upload", false),
    ("time_appconnect", false),
    ("time_connect", false),
    ("time_namelookup", false),
    ("time_starttransfer", false),
    ("time_total", false),
    ("url_effective", true),
    ("urlnum", false),
];

impl Report {
    /// Notes what the head of a response says.
    pub(super) fn head(&mut self, response: &Response) {
        self.status = response.status().as_u16();
        self.url = response.url().to_string();
        self.redirects = response.history().len();
        self.version = Some(response.version());
        self.timings = Some(response.timings());
        self.headers = response.headers().clone();
        self.content_type = self.header("content-type");
        if response.status().is_redirection()
            && let Ok(url) = response.url().join(&self.header("location"))
            && self.headers.contains_key(header::LOCATION)
        {
            self.redirect = url.into();
        }
    }

    /// The value of a header, empty where it is not.
    fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        value.map_or_else(String::new, |value| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        })
    }

    /// Everything, as JSON.
    fn json(&self) -> String {
        let all = ALL.iter().map(|(name, is_text)| {
            let value = self.value(name).unwrap_or_default();
            let value = match is_text {
                true if value.is_empty() => Value::Null,
                true => value.into(),
                false if value == "000" => 0.into(),
                false => value.parse::<Number>().map_or(Value::Null, Value::Number),
            };
            ((*name).to_owned(), value)
        });
        Value::Object(all.collect()).to_string()
    }

    /// Fills in a format of `--write-out`: `%{name}`, `%%`, `\n`, `\r`, `\t`.
    ///
    /// A name that is not known stays as it is.
    pub(super) fn fill(&self, format: &str) -> String {
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let (filled, length) = self.next(rest);
            text.push_str(&filled);
            rest = &rest[length..];
        }
        text + rest
    }

    /// What stands for the beginning of `rest`, and how long that is.
    fn next(&self, rest: &str) -> (String, usize) {
        for (escape, text) in [("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("%%", "%")] {
            if rest.starts_with(escape) {
                return (text.to_owned(), escape.len());
            }
        }
        let header = rest
            .strip_prefix("%header{")
            .and_then(|rest| rest.split_once('}'));
        if let Some((name, _)) = header {
            return (self.header(name), name.len() + "%header{}".len());
        }
        let named = rest
            .strip_prefix("%{")
            .and_then(|rest| rest.split_once('}'));
        match named.and_then(|(name, _)| Some((name.len(), self.value(name)?))) {
            Some((length, value)) => (value, length + "%{}".len()),
            None => (rest[..1].to_owned(), 1),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "http_code" | "response_code" => format!("{:03}", self.status),
            "url_effective" => self.url.clone(),
            "redirect_url" => self.redirect.clone(),
            "http_connect" => format!("{:03}", self.notes.connect_status),
            "num_headers" => self.headers.len().to_string(),
            "urlnum" => self.number.to_string(),
            "json" => self.json(),
            "content_type" => self.content_type.clone(),
            "size_download" => self.bytes.to_string(),
            "num_redirects" => self.redirects.to_string(),
            "time_total" => format!("{:.6}", self.seconds),
            "exitcode" => self.code.to_string(),
            "errormsg" => self.error.clone(),
            "method" => self.method.clone(),
            "scheme" => self.url.split(':').next().unwrap_or_default().to_owned(),
            "http_version" => self.version.map_or("0", version).to_owned(),
            "filename_effective" => self.file.clone(),
            "size_upload" => self.notes.uploaded.to_string(),
            "size_header" => self.notes.heads.len().to_string(),
            "speed_download" => self.speed(self.bytes).to_string(),
            "speed_upload" => self.speed(self.notes.uploaded).to_string(),
            "num_retries" => self.notes.retries.to_string(),
            "num_connects" => self.notes.connects.to_string(),
            "remote_ip" => self.peer(|peer| peer.ip().to_string()),
            "remote_port" => self.peer(|peer| peer.port().to_string()),
            name => format!("{:.6}", self.time(name)?.as_secs_f64()),
        })
    }

    fn peer(&self, f: impl FnOnce(SocketAddr) -> String) -> String {
        self.notes.peer.map(f).unwrap_or_default()
    }

    /// Whole bytes in a second.
    fn speed(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.seconds.max(0.000_001)) as u64
    }

    /// How long it was from the beginning to a point of the last hop; what took no time is as
    /// late as what was before it.
    fn time(&self, name: &str) -> Option<Duration> {
        let timings = self.timings.as_ref();
        let part = |of: fn(&Timings) -> Duration| timings.map_or(Duration::ZERO, of);
        let redirect = part(Timings::earlier);
        let lookup = redirect + part(Timings::queued) + part(|t| t.dns().unwrap_or_default());
        let connect = lookup + part(|t| t.connect().unwrap_or_default());
        let tls = timings.and_then(Timings::tls);
        let ready = connect + tls.unwrap_or_default();
        Some(match name {
            "time_redirect" => redirect,
            "time_namelookup" => lookup,
            "time_connect" => connect,
            // As curl has it, it is 0 where nothing is secure.
            "time_appconnect" => tls.map_or(Duration::ZERO, |_| ready),
            "time_pretransfer" => ready,
            "time_starttransfer" => ready + part(Timings::send) + part(Timings::wait),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn formats() {
        let report = Report {
            status: 200,
            bytes: 5,
            ..Report::default()
        };
        for (format, expected) in [
            ("%{http_code}\\n", "200\n"),
            ("%{size_download} 100%% %{nothing} %", "5 100% %{nothing} %"),
            ("\\x %{http_code", "\\x %{http_code"),
            ("ü%{exitcode}ü", "ü0ü"),
        ] {
            assert_eq!(report.fill(format), expected);
        }
    }

    #[test]
    fn everything_as_json() {
        let report = Report {
            method: "GET".into(),
            bytes: 5,
            number: 1,
            ..Report::default()
        };
        let all: serde_json::Value = serde_json::from_str(&report.fill("%{json}")).unwrap();
        assert_eq!(all["method"], "GET");
        assert_eq!(
            (&all["size_download"], &all["urlnum"]),
            (&5.into(), &1.into())
        );
        assert_eq!(
            (&all["http_code"], &all["time_total"]),
            (&0.into(), &0.0.into())
        );
        assert!(all["content_type"].is_null() && all["remote_port"].is_null());
        assert_eq!(all.as_object().unwrap().len(), super::ALL.len());
    }

    #[test]
    fn names_that_nothing_has_come_of() {
        let format = "%{time_connect} %{remote_ip} %{http_version} %{num_retries} %{speed_upload}";
        assert_eq!(Report::default().fill(format), "0.000000  0 0 0");
    }
}
