//! A TCP server and its client.

use aioli::prelude::*;

async fn echo(stream: net::TcpStream) -> Result {
    let (mut reader, mut writer) = stream.into_streams();
    writer.write(reader.readline().await?.to_ascii_uppercase());
    Ok(writer.close().await?)
}

aioli::main!(async {
    let server = net::serve("127.0.0.1:0", async |stream| drop(echo(stream).await)).await?;
    let (mut reader, mut writer) = net::open_connection(server.local_addr()).await?;
    writer.write("hello, server\n");
    writer.drain().await?;
    print!("{}", String::from_utf8(reader.readline().await?)?);
    server.stop().await;
});
