//! WebSockets as viewers have them: small buffers, since there are many.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long one of them may take to connect, or to get its first frame.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Bytes a viewer reads at once.
const READ_BYTES: usize = 4096;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Connects, within [`CONNECT_LIMIT`].
pub(crate) async fn connect(address: SocketAddr, path: String) -> anyhow::Result<Socket> {
    let connecting = async {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES).write_buffer_size(0);
        let address = format!("ws://{address}{path}");
        let (socket, _) = client_async_with_config(address, stream, Some(config)).await?;
        anyhow::Ok(socket)
    };
    tokio::time::timeout(CONNECT_LIMIT, connecting).await.context("a viewer got no answer")?
}
