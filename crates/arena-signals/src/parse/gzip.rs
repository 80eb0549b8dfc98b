//! Compressed files, opened under caps.

use std::borrow::Cow;
use std::io::Read;

use autotrader_domain::{GateReason, GateReasonCode};
use flate2::read::MultiGzDecoder;

/// Largest page accepted, in bytes once decompressed; the real page has about 2.5 million.
pub const MAX_PAGE_BYTES: usize = 32 << 20;

/// Largest accepted ratio of decompressed to compressed size; the real page has about 9.
pub const MAX_RATIO: usize = 150;

/// Size in bytes below which the ratio does not matter.
const RATIO_FLOOR: usize = 1 << 20;

/// Gives the plain bytes of a file: itself, or what it decompresses to when it is gzip.
///
/// # Errors
/// A reason `unreadable` when the file is empty, too large, a gzip bomb or broken gzip, `truncated` when it ends early.
pub fn plain_bytes(file: &[u8]) -> Result<Cow<'_, [u8]>, GateReason> {
    if !file.starts_with(&[0x1f, 0x8b]) {
        if file.len() > MAX_PAGE_BYTES {
            return Err(unreadable(format!(
                "{} bytes are more than a page may have ({MAX_PAGE_BYTES})",
                file.len()
            )));
        }
        return Ok(Cow::Borrowed(file));
    }
    let cap = MAX_PAGE_BYTES.min(file.len().saturating_mul(MAX_RATIO).max(RATIO_FLOOR));
    let mut plain = Vec::new();
    let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(file).take(limit).read_to_end(&mut plain) {
        Ok(read) if read > cap => Err(unreadable(format!(
            "the gzip file of {} bytes grows beyond {cap} bytes, which no page does",
            file.len()
        ))),
        Ok(_) => Ok(Cow::Owned(plain)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(GateReason {
            code: GateReasonCode::Truncated,
            detail: format!("the gzip file ends early, after {} plain bytes", plain.len()),
        }),
        Err(error) => Err(unreadable(format!("the gzip file is broken: {error}"))),
    }
}

fn unreadable(detail: String) -> GateReason {
    GateReason {
        code: GateReasonCode::Unreadable,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PAGE_BYTES, plain_bytes};
    use autotrader_domain::GateReasonCode;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_compressed_give_the_same() {
        assert_eq!(plain_bytes(b"page").unwrap().as_ref(), b"page");
        assert_eq!(plain_bytes(&gzip(b"page")).unwrap().as_ref(), b"page");
        assert_eq!(plain_bytes(b"").unwrap().as_ref(), b"");
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = gzip(&vec![0; 8 << 20]);
        let reason = plain_bytes(&bomb).unwrap_err();
        assert_eq!(reason.code, GateReasonCode::Unreadable);
        assert!(reason.detail.contains("grows beyond"), "{}", reason.detail);
    }

    #[test]
    fn a_huge_plain_file_is_refused() {
        let reason = plain_bytes(&vec![b' '; MAX_PAGE_BYTES + 1]).unwrap_err();
        assert_eq!(reason.code, GateReasonCode::Unreadable);
        assert!(reason.detail.contains("more than a page"), "{}", reason.detail);
    }

    #[test]
    fn a_cut_file_is_truncated() {
        let whole = gzip(b"a page that is long enough to be cut somewhere");
        let reason = plain_bytes(&whole[..whole.len() - 9]).unwrap_err();
        assert_eq!(reason.code, GateReasonCode::Truncated);
    }

    #[test]
    fn broken_gzip_is_unreadable() {
        let reason = plain_bytes(&[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]).unwrap_err();
        assert_eq!(reason.code, GateReasonCode::Unreadable);
        assert!(reason.detail.contains("broken"), "{}", reason.detail);
    }
}
