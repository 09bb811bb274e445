//! What the server answers: a whole file, a part of it, or that there is none.

use std::io::SeekFrom;
use std::path::{Component, Path};
use std::time::UNIX_EPOCH;

use aioli::net::{StreamWriter, TcpStream, WriteHalf};
use aioli::prelude::*;

use super::Site;
use super::request::Request;

type Writer = StreamWriter<WriteHalf<TcpStream>>;

/// How much of a file is read and sent at once.
const STEP: u64 = 64 * 1024;

/// A page or file that is there.
enum Content<'a> {
    Page(&'a [u8]),
    File(fs::File),
}

struct Found<'a> {
    content: Content<'a>,
    length: u64,
    /// The version, as an entity tag.
    tag: String,
}

/// Answers a request; the connection can go on afterwards.
pub(super) async fn answer(site: &Site, request: &Request, writer: &mut Writer) -> Result {
    let Some(mut found) = find(site, &request.name).await else {
        writer.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        return Ok(writer.drain().await?);
    };
    let whole = found.length;
    let (status, first, length, extra) = match request.part(whole, &found.tag) {
        Ok(None) => ("200 OK", 0, whole, String::new()),
        Ok(Some(range)) => {
            let (first, last) = range.into_inner();
            let header = format!("content-range: bytes {first}-{last}/{whole}\r\n");
            ("206 Partial Content", first, last - first + 1, header)
        }
        Err(()) => {
            writer.write(format!(
                "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */{whole}\r\n\
                 content-length: 0\r\n\r\n"
            ));
            return Ok(writer.drain().await?);
        }
    };
    let tag = &found.tag;
    writer.write(format!(
        "HTTP/1.1 {status}\r\n{extra}content-length: {length}\r\netag: {tag}\r\n\
         accept-ranges: bytes\r\n\r\n"
    ));
    if !request.is_head {
        send(&mut found.content, first, length, writer).await?;
    }
    Ok(writer.drain().await?)
}

async fn find<'a>(site: &'a Site, name: &str) -> Option<Found<'a>> {
    match site {
        Site::Pages(pages) => {
            let page = pages.get(name)?;
            Some(Found {
                content: Content::Page(page),
                length: page.len() as u64,
                tag: format!("\"{}\"", page.len()),
            })
        }
        Site::Folder(folder) => {
            let mut parts = Path::new(name).components();
            if name.contains('\\') || !parts.all(|part| matches!(part, Component::Normal(_))) {
                return None;
            }
            let path = folder.join(name);
            let metadata = fs::metadata(&path).await.ok().filter(|m| m.is_file())?;
            let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some(Found {
                content: Content::File(fs::open(&path).await.ok()?),
                length: metadata.len(),
                tag: format!("\"{:x}-{:x}\"", metadata.len(), changed.as_nanos()),
            })
        }
    }
}

async fn send(content: &mut Content<'_>, first: u64, length: u64, writer: &mut Writer) -> Result {
    match content {
        Content::Page(page) => {
            let (first, length) = (usize::try_from(first)?, usize::try_from(length)?);
            writer.write(&page[first..first + length]);
        }
        Content::File(file) => {
            file.seek(SeekFrom::Start(first)).await?;
            let mut left = length;
            let mut buffer = vec![0; usize::try_from(STEP.min(left))?];
            while left > 0 {
                let step = usize::try_from(left)?.min(buffer.len());
                let n = file.read(&mut buffer[..step]).await?;
                ensure!(n > 0, "the file has become shorter");
                writer.write(&buffer[..n]);
                writer.drain().await?;
                left -= n as u64;
            }
        }
    }
    Ok(())
}
