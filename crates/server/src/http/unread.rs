//! Bodies that nobody has read when the answer is ready: a refusal does not need them, and some calls take none.
//!
//! A body that is still on its way when the answer leaves would end the connection, without a word to a client that sends
//! its next request on it. So what is left is read and thrown away, up to a limit; where there is more, the answer says that
//! the connection ends.
//!
//! Invariant: after an answer without `Connection: close` the connection is good for the next request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;

/// More than this is not read to save a connection.
const MOST_BYTES: usize = 64 << 10;

/// Nor is anything waited for that does not come within this.
const WITHIN: Duration = Duration::from_secs(1);

/// What is left of a body, once it has been dropped.
pub(super) struct Unread(oneshot::Receiver<Body>);

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

/// Gives the request a body that comes back. `None`: it has none.
pub(super) fn lend(request: Request) -> (Request, Option<Unread>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let (back, unread) = oneshot::channel();
    let lent = request.map(|body| Body::new(Lent { body, back: Some(back) }));
    (lent, Some(Unread(unread)))
}

impl Unread {
    /// Reads what is left. `false`: there is more than is read.
    pub(super) async fn read(mut self) -> bool {
        // Nothing has come back: it was read to its end, or somebody still reads it.
        let Ok(body) = self.0.try_recv() else { return true };
        let rest = Limited::new(body, MOST_BYTES).collect();
        tokio::time::timeout(WITHIN, rest).await.is_ok_and(|read| read.is_ok())
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.back = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take()
            && !self.body.is_end_stream()
        {
            // Where nobody waits for it, it goes as it would have gone.
            let _ = back.send(std::mem::take(&mut self.body));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn request(chunks: Vec<usize>) -> Request {
        let chunks = chunks.into_iter().map(|bytes| Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes])));
        Request::new(Body::from_stream(stream::iter(chunks)))
    }

    #[tokio::test]
    async fn what_nobody_read_is_read_up_to_a_limit() {
        let (lent, unread) = lend(request(vec![10, 10]));
        drop(lent);
        assert!(unread.unwrap().read().await);
        let (lent, unread) = lend(request(vec![MOST_BYTES, 1]));
        drop(lent);
        assert!(!unread.unwrap().read().await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_is_not_waited_for() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let (lent, unread) = lend(Request::new(never));
        drop(lent);
        assert!(!unread.unwrap().read().await);
    }

    #[tokio::test]
    async fn what_was_read_does_not_come_back() {
        let (lent, unread) = lend(request(vec![10, 10]));
        assert_eq!(lent.into_body().collect().await.unwrap().to_bytes().len(), 20);
        assert!(unread.unwrap().0.try_recv().is_err());
        assert!(lend(Request::new(Body::empty())).1.is_none());
    }
}
