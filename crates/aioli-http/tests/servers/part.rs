//! Servers as child processes, on free ports, with a folder of their own.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use super::vacant::vacant;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many ports are tried: somebody else may ask for a free one by its number.
const PORTS: u32 = 5;

/// The program of a server, if the environment names it.
pub(crate) fn program(name: &str) -> Option<OsString> {
    env::var_os(format!("AIOLI_SERVER_{name}"))
}

/// A folder that is removed at the end.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("server-{}-{number}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// nginx with these servers in its configuration, and all that it writes in `folder`.
pub(crate) fn nginx(program: &OsStr, folder: &Path, servers: &str) -> Command {
    let shown = folder.display();
    let config = format!(
        "user root;
        worker_processes 1;
        daemon off;
        pid {shown}/pid;
        error_log {shown}/errors;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {shown}/body;
            proxy_temp_path {shown}/proxy;
            fastcgi_temp_path {shown}/fastcgi;
            uwsgi_temp_path {shown}/uwsgi;
            scgi_temp_path {shown}/scgi;
            {servers}
        }}"
    );
    fs::write(folder.join("config"), config).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.join("config"));
    command.arg("-p").arg(folder);
    command
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Removed after it has ended.
    folder: Folder,
}

impl Running {
    /// Starts what `command` makes of a folder and an address, and waits until it listens there.
    pub(crate) fn start(command: impl Fn(&Path, SocketAddr) -> Command) -> Running {
        for _ in 0..PORTS {
            let folder = Folder::new();
            let address = vacant();
            let mut command = command(folder.path(), address);
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            let running = Running {
                child: child.unwrap(),
                address,
                folder,
            };
            if let Some(running) = running.listening() {
                return running;
            }
        }
        panic!("no server has started on any of {PORTS} ports")
    }

    /// Starts a server that picks its port itself and tells of it on standard error, where it
    /// stands between `http://127.0.0.1:` and the next white space.
    pub(crate) fn told(mut command: Command) -> Running {
        const BEFORE: &str = "http://127.0.0.1:";
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let told = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let rest = line.split_once(BEFORE)?.1;
            rest.split_whitespace().next()?.parse().ok()
        });
        let port: u16 = told.expect("the server says where it listens");
        // Its pipe must not fill up.
        thread::spawn(move || lines.for_each(drop));
        Running {
            child,
            address: ([127, 0, 0, 1], port).into(),
            folder: Folder::new(),
        }
    }

    /// Waits until somebody listens; `None` when the server has ended instead.
    fn listening(mut self) -> Option<Running> {
        let (mut is_over, address) = (false, self.address);
        until("the server listens", || {
            let listens = TcpStream::connect(address).is_ok();
            is_over = !listens && self.child.try_wait().unwrap().is_some();
            listens || is_over
        });
        (!is_over).then_some(self)
    }

    /// Waits until the server has written the file of this name in its folder.
    pub(crate) fn until_written(&self, name: &str) {
        let path = self.folder.path().join(name);
        until("the server has written a file", || {
            fs::metadata(&path).is_ok_and(|file| file.len() > 0)
        });
    }

    /// Its process; nginx has its master in it.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to end, a server ends its workers too, which a killed one leaves behind.
        let asked = Command::new("kill").arg(self.pid()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Waits for something that a foreign process does, of which it gives no other sign.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
