//! Gets several pages at once over one session.

use aioli::prelude::*;

async fn fetch(session: &http::Session, url: &str) -> Result<String> {
    Ok(session.get(url).await?.text().await?)
}

aioli::main!(async {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let session = http::Session::new();
    let pages = urls.iter().map(|url| fetch(&session, url)).gather().await;
    for (url, page) in urls.iter().zip(pages) {
        println!("{url} {}", page?.len());
    }
});
