//! A small web server for the tour, for tests and for trying `fetch`: pages or files, and ranges.

mod answer;
mod request;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use aioli::net::{Server, TcpStream, serve};
use aioli::prelude::*;

use request::Request;
pub(crate) use request::decode;

/// What is served.
pub(crate) enum Site {
    /// Pages by name.
    Pages(HashMap<String, Vec<u8>>),
    /// The files of a folder, by name.
    Folder(PathBuf),
}

/// Serves `site` on a free loopback port, until the server is dropped or stopped.
pub(crate) async fn start(site: Site) -> Result<Server> {
    let site = Rc::new(site);
    let server = serve("127.0.0.1:0", async move |stream| {
        // A client that breaks off, or does not speak HTTP, is not ours to complain of.
        let _ = talk(&site, stream).await;
    });
    server.await.context("cannot start the server")
}

/// The URL of a page or file of the server.
pub(crate) fn url(server: &Server, name: &str) -> String {
    format!("http://{}/{name}", server.local_addr())
}

/// Answers the requests of a connection, one after the other.
async fn talk(site: &Site, stream: TcpStream) -> Result {
    let (mut reader, mut writer) = stream.into_streams();
    loop {
        let Ok(head) = reader.readuntil(b"\r\n\r\n").await else {
            return Ok(());
        };
        let Some(request) = Request::parse(&head) else {
            writer.write(
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
            return Ok(writer.close().await?);
        };
        answer::answer(site, &request, &mut writer).await?;
        if request.is_last {
            return Ok(writer.close().await?);
        }
    }
}
