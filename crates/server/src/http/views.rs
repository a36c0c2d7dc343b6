//! Answers that many ask for, encoded once: availability until the position moves, plans for good.
//!
//! Invariant: what is given out for a view was encoded from a view at the same position.

use std::{collections::VecDeque, io::Write, sync::Arc};

use ahash::AHashMap;
use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use onsale_app::{errors::AppError, ports::hot::Availability};
use onsale_domain::{ids::PerformanceId, position::Position};
use parking_lot::{Mutex, RwLock};

use super::seats::AvailabilityDto;

/// Performances whose encoding is kept; with 100,000 seats one takes 34 kB.
const MAX_KEPT: usize = 256;

/// Encoded plans that are kept; with 100,000 seats one takes about a megabyte.
const MAX_PLANS: usize = 32;

/// Brotli's quality: at 5 a plan of 10,000 seats takes some tens of milliseconds, once.
const BROTLI_QUALITY: i32 = 5;

/// Brotli's window, as a power of two: its usual one.
const BROTLI_WINDOW: i32 = 22;

/// How an answer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    Plain,
}

impl Coding {
    /// The best that the client takes. Weights are not read, except that 0 means no.
    pub(crate) fn asked_for(headers: &HeaderMap) -> Self {
        let accepted =
            headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |wanted: &str| {
            accepted.split(',').any(|one| {
                let mut parts = one.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                let refused =
                    parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
                name.eq_ignore_ascii_case(wanted) && !refused
            })
        };
        if takes("br") {
            Self::Brotli
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    /// Its name in `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }

    /// What tells its entity tags from others'.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gzip",
            Self::Plain => "",
        }
    }

    fn pack(self, plain: Vec<u8>) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(plain),
            Self::Gzip => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                packer.write_all(&plain)?;
                packer.finish()
            }
            Self::Brotli => {
                let settings = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: plain.len(),
                    ..Default::default()
                };
                let mut packed = Vec::new();
                brotli::BrotliCompress(&mut plain.as_slice(), &mut packed, &settings)?;
                Ok(packed)
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct Views {
    kept: RwLock<AHashMap<PerformanceId, (Position, Bytes)>>,
}

impl Views {
    pub(crate) fn encoded(&self, id: PerformanceId, view: &Availability) -> Result<Bytes, AppError> {
        if let Some((position, bytes)) = self.kept.read().get(&id)
            && *position == view.position
        {
            return Ok(bytes.clone());
        }
        let encoded =
            serde_json::to_vec(&AvailabilityDto::of(view)).map_err(|e| AppError::Internal(e.to_string()))?;
        let bytes = Bytes::from(encoded);
        let mut kept = self.kept.write();
        if kept.len() >= MAX_KEPT && !kept.contains_key(&id) {
            kept.clear();
        }
        kept.insert(id, (view.position, bytes.clone()));
        Ok(bytes)
    }
}

type Packed = Arc<tokio::sync::OnceCell<Bytes>>;

/// Packed plans, the latest that were asked for.
#[derive(Default)]
pub(crate) struct Plans {
    kept: Mutex<VecDeque<((PerformanceId, Coding), Packed)>>,
}

impl Plans {
    /// The plan of a performance. A crowd that asks for the same one waits for one encoding.
    pub(crate) async fn encoded(
        &self,
        id: PerformanceId,
        coding: Coding,
        encode: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
    ) -> Result<Bytes, AppError> {
        let place = self.place((id, coding));
        let packing = || async move {
            let packed = tokio::task::spawn_blocking(move || {
                let plain = encode().map_err(|error| error.to_string())?;
                coding.pack(plain).map_err(|error| error.to_string())
            });
            let packed = packed.await.map_err(|error| error.to_string())?;
            packed.map(Bytes::from)
        };
        place.get_or_try_init(packing).await.cloned().map_err(AppError::Internal)
    }

    fn place(&self, name: (PerformanceId, Coding)) -> Packed {
        let mut kept = self.kept.lock();
        if let Some((_, place)) = kept.iter().find(|(known, _)| *known == name) {
            return Arc::clone(place);
        }
        if kept.len() >= MAX_PLANS {
            kept.pop_front();
        }
        let place = Packed::default();
        kept.push_back((name, Arc::clone(&place)));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn asked(text: &'static str) -> Coding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static(text));
        Coding::asked_for(&headers)
    }

    #[test]
    fn the_best_coding_that_is_taken() {
        assert_eq!(asked("gzip, deflate, br, zstd"), Coding::Brotli);
        assert_eq!(asked("gzip;q=1.0, br;q=0"), Coding::Gzip);
        assert_eq!(asked("GZIP"), Coding::Gzip);
        assert_eq!(asked("identity"), Coding::Plain);
        assert_eq!(Coding::asked_for(&HeaderMap::new()), Coding::Plain);
    }

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let plain = "seat ".repeat(1_000).into_bytes();
        let mut text = Vec::new();
        let gzip = Coding::Gzip.pack(plain.clone()).unwrap();
        flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain);
        let mut text = Vec::new();
        let packed = Coding::Brotli.pack(plain.clone()).unwrap();
        brotli::BrotliDecompress(&mut packed.as_slice(), &mut text).unwrap();
        assert_eq!(text, plain);
        assert!(packed.len() < plain.len() / 10);
    }
}
