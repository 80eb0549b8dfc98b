//! Bodies, decompressed as they arrive, under caps.

use std::io::Write;

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use reqwest::header::HeaderValue;

use super::Failure;

/// Output that any input may give regardless of the ratio, in bytes: short texts compress well.
const RATIO_GRACE: usize = 256 * 1024;

/// The brotli decoder's output buffer, in bytes.
const BROTLI_BUFFER: usize = 64 * 1024;

/// The most that may come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    /// Bytes on the wire.
    pub wire: usize,
    /// Bytes after decompression.
    pub decompressed: usize,
    /// Decompressed bytes per byte on the wire.
    pub ratio: usize,
}

/// A whole body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Decompressed.
    pub bytes: Bytes,
    /// How many bytes came over the wire.
    pub wire_bytes: u64,
}

/// Decompresses a body chunk by chunk and stops at the first cap it exceeds.
pub(super) struct Collector {
    decoder: Decoder,
    caps: Caps,
    wire: usize,
}

enum Decoder {
    Plain(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
    Brotli(Box<DecompressorWriter<Capped>>),
}

/// A buffer that refuses to grow beyond its limit.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Capped {
    fn write(&mut self, chunk: &[u8]) -> std::io::Result<usize> {
        if chunk.len() > self.limit.saturating_sub(self.bytes.len()) {
            self.full = true;
            return Err(std::io::Error::other("the size limit is reached"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Collector {
    pub fn new(encoding: Option<&HeaderValue>, caps: Caps) -> Result<Self, Failure> {
        let sink = Capped {
            bytes: Vec::new(),
            limit: caps.decompressed,
            full: false,
        };
        let encoding = match encoding {
            None => "identity".to_owned(),
            Some(value) => String::from_utf8_lossy(value.as_bytes())
                .trim()
                .to_ascii_lowercase(),
        };
        let decoder = match encoding.as_str() {
            "" | "identity" => Decoder::Plain(sink),
            "gzip" | "x-gzip" => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
            "br" => Decoder::Brotli(Box::new(DecompressorWriter::new(sink, BROTLI_BUFFER))),
            _ => {
                return Err(Failure::new(
                    "decode",
                    format!("the content encoding {encoding:?} was not asked for"),
                ));
            }
        };
        Ok(Self {
            decoder,
            caps,
            wire: 0,
        })
    }

    /// Checks the announced length before anything is read.
    pub fn expect(&self, length: Option<u64>) -> Result<(), Failure> {
        match length {
            Some(length) if usize::try_from(length).map_or(true, |length| length > self.caps.wire) => {
                Err(Failure::new(
                    "too_large",
                    format!("{length} bytes announced, {} allowed", self.caps.wire),
                ))
            }
            _ => Ok(()),
        }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.wire = self.wire.saturating_add(chunk.len());
        if self.wire > self.caps.wire {
            return Err(Failure::new(
                "too_large",
                format!("more than {} bytes on the wire", self.caps.wire),
            ));
        }
        let written = match &mut self.decoder {
            Decoder::Plain(sink) => sink.write_all(chunk),
            Decoder::Gzip(decoder) => decoder.write_all(chunk),
            Decoder::Brotli(decoder) => decoder.write_all(chunk),
        };
        self.judge(written)?;
        self.check_ratio()
    }

    pub fn finish(mut self) -> Result<Body, Failure> {
        let ended = match &mut self.decoder {
            Decoder::Plain(_) => Ok(()),
            Decoder::Gzip(decoder) if self.wire == 0 => decoder.flush(),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Brotli(decoder) => decoder.close(),
        };
        self.judge(ended)?;
        self.check_ratio()?;
        let wire = u64::try_from(self.wire).unwrap_or(u64::MAX);
        let bytes = std::mem::take(&mut self.sink_mut().bytes);
        Ok(Body::new(bytes, wire))
    }

    fn judge(&self, outcome: std::io::Result<()>) -> Result<(), Failure> {
        outcome.map_err(|error| {
            if self.sink().full {
                Failure::new(
                    "too_large",
                    format!("more than {} bytes decompressed", self.caps.decompressed),
                )
            } else {
                Failure::new("decode", format!("the body cannot be decompressed: {error}"))
            }
        })
    }

    fn check_ratio(&self) -> Result<(), Failure> {
        let allowed = self
            .wire
            .saturating_mul(self.caps.ratio)
            .saturating_add(RATIO_GRACE);
        if self.sink().bytes.len() > allowed {
            return Err(Failure::new(
                "too_large",
                format!("decompressed to more than {} times its size", self.caps.ratio),
            ));
        }
        Ok(())
    }

    fn sink(&self) -> &Capped {
        match &self.decoder {
            Decoder::Plain(sink) => sink,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Brotli(decoder) => decoder.get_ref(),
        }
    }

    fn sink_mut(&mut self) -> &mut Capped {
        match &mut self.decoder {
            Decoder::Plain(sink) => sink,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Brotli(decoder) => decoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const CAPS: Caps = Caps {
        wire: 100_000,
        decompressed: 1_000_000,
        ratio: 20,
    };

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let mut compressed = Vec::new();
        let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, 4, 22);
        encoder.write_all(bytes).unwrap();
        drop(encoder);
        compressed
    }

    fn collect(encoding: Option<&str>, wire: &[u8], chunk: usize) -> Result<Vec<u8>, &'static str> {
        let encoding = encoding.map(|text| HeaderValue::from_str(text).unwrap());
        let run = || {
            let mut collector = Collector::new(encoding.as_ref(), CAPS)?;
            for chunk in wire.chunks(chunk) {
                collector.push(chunk)?;
            }
            collector.finish()
        };
        run()
            .map(|body| body.bytes.to_vec())
            .map_err(|failure| failure.code)
    }

    /// Text that does not compress far: every line differs.
    fn page(lines: u32) -> Vec<u8> {
        (0..lines)
            .flat_map(|line| format!("{:x} ", line.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[rstest]
    #[case(None)]
    #[case(Some("identity"))]
    #[case(Some("gzip"))]
    #[case(Some("GZIP"))]
    #[case(Some("br"))]
    fn reads_what_was_sent(#[case] encoding: Option<&str>, #[values(1, 17, 100_000)] chunk: usize) {
        let page = page(3_000);
        let wire = match encoding.map(str::to_ascii_lowercase).as_deref() {
            Some("gzip") => gzip(&page),
            Some("br") => brotli(&page),
            _ => page.clone(),
        };
        assert_eq!(collect(encoding, &wire, chunk), Ok(page));
    }

    #[test]
    fn several_gzip_members_are_one_body() {
        let wire = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(collect(Some("gzip"), &wire, 5), Ok(b"one two".to_vec()));
    }

    #[rstest]
    #[case::gzip_cut("gzip", |page: &[u8]| { let mut wire = gzip(page); wire.truncate(wire.len() / 2); wire }, "decode")]
    #[case::gzip_without_its_sum("gzip", |page: &[u8]| { let mut wire = gzip(page); wire.truncate(wire.len() - 8); wire }, "decode")]
    #[case::gzip_wrong_sum("gzip", |page: &[u8]| { let mut wire = gzip(page); let at = wire.len() - 6; wire[at] ^= 1; wire }, "decode")]
    #[case::brotli_cut("br", |page: &[u8]| { let mut wire = brotli(page); wire.truncate(wire.len() / 2); wire }, "decode")]
    #[case::not_gzip("gzip", |page: &[u8]| page.to_vec(), "decode")]
    #[case::not_brotli("br", |page: &[u8]| page.to_vec(), "decode")]
    #[case::unknown("zstd", |page: &[u8]| page.to_vec(), "decode")]
    #[case::stacked("gzip, br", |page: &[u8]| gzip(page), "decode")]
    #[case::gzip_bomb("gzip", |_: &[u8]| gzip(&vec![b'a'; 50_000_000]), "too_large")]
    #[case::brotli_bomb("br", |_: &[u8]| brotli(&vec![b'a'; 50_000_000]), "too_large")]
    #[case::gzip_ratio("gzip", |_: &[u8]| gzip(&vec![b'a'; 900_000]), "too_large")]
    #[case::brotli_ratio("br", |_: &[u8]| brotli(&vec![b'a'; 900_000]), "too_large")]
    #[case::too_much_on_the_wire("identity", |_: &[u8]| vec![b'a'; 100_001], "too_large")]
    fn refuses_what_is_broken_or_too_large(
        #[case] encoding: &str,
        #[case] wire: fn(&[u8]) -> Vec<u8>,
        #[case] code: &str,
        #[values(997, 100_000)] chunk: usize,
    ) {
        assert_eq!(collect(Some(encoding), &wire(&page(3_000)), chunk), Err(code));
    }

    #[rstest]
    #[case(None, true)]
    #[case(Some(100_000), true)]
    #[case(Some(100_001), false)]
    #[case(Some(u64::MAX), false)]
    fn an_announced_length_is_checked_first(#[case] length: Option<u64>, #[case] fine: bool) {
        let collector = Collector::new(None, CAPS).unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(collector.expect(length).is_ok(), fine);
    }

    #[test]
    fn an_empty_body_is_empty() {
        for encoding in [None, Some("gzip")] {
            assert_eq!(collect(encoding, b"", 1), Ok(Vec::new()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_end_as_a_body_within_the_caps_or_a_code(
            encoding in prop_oneof![Just("identity"), Just("gzip"), Just("br")],
            mut wire in proptest::collection::vec(any::<u8>(), 0..2_000),
            start in any::<bool>(),
            chunk in 1_usize..500,
        ) {
            if start && encoding == "gzip" {
                let mut valid = gzip(b"a page");
                valid.append(&mut wire);
                wire = valid;
            }
            match collect(Some(encoding), &wire, chunk) {
                Ok(bytes) => prop_assert!(bytes.len() <= CAPS.decompressed),
                Err(code) => prop_assert!(["decode", "too_large"].contains(&code)),
            }
        }
    }
}
