//! The QR code of a ticket, as SVG, as PNG, and as squares for whoever draws it.
//!
//! Invariant: the code is text in the alphanumeric set, with error correction Q (a quarter of it may be covered), and
//! has its quiet zone of four modules around it, light, whatever it lies on.

use std::fmt::Write;

use onsale_domain::tickets::TicketCode;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, on each side (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// Pixels of a module in the PNG: readable from a phone, sharp on paper.
const PIXELS: usize = 16;

/// Why there is no picture. Codes of tickets are short, so this does not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QrError {
    #[error("the code does not fit: {0}")]
    Code(#[from] qrcode::types::QrError),
    #[error("the picture was not encoded: {0}")]
    Picture(#[from] png::EncodingError),
    #[error("the picture is too large: {0}")]
    Size(#[from] std::num::TryFromIntError),
}

/// A square of modules, its quiet zone included.
pub(crate) struct Modules {
    size: usize,
    dark: Vec<bool>,
}

impl Modules {
    /// The QR code of a ticket.
    pub(crate) fn of(code: &TicketCode) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(code.to_string(), EcLevel::Q)?;
        let (inner, colors) = (code.width(), code.to_colors());
        let size = inner + 2 * QUIET_ZONE;
        let mut dark = vec![false; size * size];
        for (at, _) in colors.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            dark[(at / inner + QUIET_ZONE) * size + at % inner + QUIET_ZONE] = true;
        }
        Ok(Self { size, dark })
    }

    /// Modules in a row.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Runs of dark modules, row by row: column, row and length.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.dark.chunks(self.size).enumerate().flat_map(|(y, row)| {
            let mut x = 0;
            row.chunk_by(|one, next| one == next).filter_map(move |run| {
                let (at, length) = (x, run.len());
                x += length;
                run[0].then_some((at, y, length))
            })
        })
    }

    /// As a picture without a size of its own, named by `title` for those who do not see it.
    pub(crate) fn svg(&self, title: &str) -> String {
        let size = self.size;
        let mut path = String::new();
        for (x, y, length) in self.runs() {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
        }
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" shape-rendering="crispEdges"><title>{title}</title><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path fill="#000" d="{path}"/></svg>"##
        )
    }

    /// As a picture in black and white, a bit a pixel.
    pub(crate) fn png(&self) -> Result<Vec<u8>, QrError> {
        let pixels = self.size * PIXELS;
        let mut rows = Vec::with_capacity(pixels * pixels.div_ceil(8));
        for row in self.dark.chunks(self.size) {
            let mut packed = vec![0_u8; pixels.div_ceil(8)];
            for x in (0..pixels).filter(|x| !row[x / PIXELS]) {
                packed[x / 8] |= 0x80 >> (x % 8);
            }
            (0..PIXELS).for_each(|_| rows.extend_from_slice(&packed));
        }
        let side = u32::try_from(pixels)?;
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rows)?;
        writer.finish()?;
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "7H2KQ9ZC4M0X18RT";

    fn modules() -> Modules {
        Modules::of(&TEXT.parse().unwrap()).unwrap()
    }

    /// What a reader makes of a square of grey values.
    fn read(size: usize, grey: impl Fn(usize, usize) -> u8) -> String {
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(size, size, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one code is found");
        grids[0].decode().unwrap().1
    }

    #[test]
    fn the_png_is_read_as_the_code() {
        let picture = modules().png().unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&picture));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut grey).unwrap();
        let size = info.width as usize;
        assert_eq!((info.width, info.height), (29 * 16, 29 * 16));
        assert_eq!(read(size, |x, y| grey[y * size + x]), TEXT);
        assert!(picture.len() < 4_096, "{} bytes", picture.len());
    }

    #[test]
    fn the_code_is_of_the_smallest_kind_with_light_around_it() {
        let modules = modules();
        assert_eq!(modules.size(), 21 + 2 * 4);
        assert!(
            modules
                .runs()
                .all(|(x, y, length)| { (4..25).contains(&x) && (4..25).contains(&y) && x + length <= 25 })
        );
        assert_eq!(modules.runs().next(), Some((4, 4, 7)), "the first finder pattern");
    }

    /// What the path of the SVG paints is what a reader reads.
    #[test]
    fn the_svg_is_read_as_the_code() {
        let svg = modules().svg("Seat <1> & 2");
        assert!(svg.contains("<title>Seat &lt;1> &amp; 2</title>"), "{svg}");
        let path = svg.rsplit_once("d=\"").unwrap().1.split_once('"').unwrap().0;
        let mut dark = std::collections::BTreeSet::new();
        for run in path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            dark.extend((x..x + length).map(|x| (x, y)));
        }
        let grey = |x: usize, y: usize| if dark.contains(&(x / 8, y / 8)) { 0 } else { 255 };
        assert_eq!(read(29 * 8, grey), TEXT);
    }
}
