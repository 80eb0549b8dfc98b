//! The account's key and the signatures it makes.
//!
//! Source of the scheme: the exchange's API key documentation. The signed text is the timestamp in Unix milliseconds, the
//! upper-case method and the path from the API root without query. RSA keys: RSA-PSS with SHA-256, MGF1-SHA-256 and a salt as
//! long as the digest (32 bytes). Ed25519 keys: the plain signature of the same text. Either in standard Base64. The body is
//! not signed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use zeroize::Zeroizing;

/// Why a key cannot be used. Each sentence says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The file could not be read.
    #[error("the private key file {path} cannot be read: {detail}")]
    Unreadable {
        /// The file as given.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// The key is protected by a passphrase.
    #[error(
        "the private key is encrypted; decrypt it first, for example with `openssl pkey -in KEY -out PLAIN`"
    )]
    Encrypted,
    /// The key is in the format of OpenSSH.
    #[error(
        "the private key is in OpenSSH's own format; convert it to PEM first, with `ssh-keygen -p -m PEM -f KEY`"
    )]
    OpenSsh,
    /// It is something else that the exchange does not take.
    #[error(
        "the file holds {0}, not an RSA or Ed25519 private key; use the private key file that the exchange gave for the key id"
    )]
    WrongKind(&'static str),
    /// The text holds no private key.
    #[error(
        "no private key found; expected PEM text that starts with `BEGIN RSA PRIVATE KEY` or `BEGIN PRIVATE KEY`"
    )]
    NoKey,
    /// An RSA key is there but broken, too small or too large.
    #[error("the private key is not a usable RSA key of 2048 to 4096 bits ({0})")]
    Rejected(String),
    /// An Ed25519 key is there but broken.
    #[error("the private key is not a usable Ed25519 key ({0}); copy the file again or make a new key")]
    RejectedEd25519(String),
    /// The key id is empty or cannot be sent in a header.
    #[error("the API key id is not a plain identifier; expected the UUID shown beside the key")]
    KeyId,
    /// The random source of the system failed.
    #[error("the signature could not be made: the system's random source failed")]
    Signing,
}

/// An API key id with its private key.
///
/// The decoded key, and the text when read by [`Credentials::from_pem_file`], are wiped after loading; the parsed key lives
/// inside `ring` as long as this value. Nothing of it is printed.
#[derive(Clone)]
pub struct Credentials {
    key_id: Arc<str>,
    key: Arc<PrivateKey>,
    random: SystemRandom,
}

enum PrivateKey {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The three headers that authenticate one request.
#[derive(Clone)]
pub struct SignedHeaders {
    /// `KALSHI-ACCESS-KEY`: the key id.
    pub key_id: Arc<str>,
    /// `KALSHI-ACCESS-TIMESTAMP`: Unix milliseconds.
    pub timestamp_ms: String,
    /// `KALSHI-ACCESS-SIGNATURE`: standard Base64.
    pub signature: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

impl fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedHeaders(***)")
    }
}

impl Credentials {
    /// Reads a private key in PEM that is not encrypted: RSA in PKCS#1 or PKCS#8, or Ed25519 in PKCS#8.
    ///
    /// # Errors
    /// [`CredentialError`] saying what the text is instead.
    pub fn from_pem(key_id: &str, pem: &[u8]) -> Result<Self, CredentialError> {
        let key_id = key_id.trim();
        if key_id.is_empty() || !key_id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialError::KeyId);
        }
        Ok(Self {
            key_id: key_id.into(),
            key: Arc::new(private_key(pem)?),
            random: SystemRandom::new(),
        })
    }

    /// Reads the private key from a PEM file.
    ///
    /// # Errors
    /// [`CredentialError`] when the file cannot be read or holds no usable key.
    pub fn from_pem_file(key_id: &str, path: &Path) -> Result<Self, CredentialError> {
        let pem = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|error| CredentialError::Unreadable {
                path: path.display().to_string(),
                detail: error.to_string(),
            })?;
        Self::from_pem(key_id, &pem)
    }

    /// Signs one request: `method` in upper case, `path` from the API root without query.
    ///
    /// # Errors
    /// [`CredentialError::Signing`] when the system's random source fails.
    pub fn sign(
        &self,
        at: DateTime<Utc>,
        method: &str,
        path: &str,
    ) -> Result<SignedHeaders, CredentialError> {
        let timestamp_ms = at.timestamp_millis().to_string();
        let text = format!("{timestamp_ms}{method}{path}");
        let signature = match &*self.key {
            PrivateKey::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PSS_SHA256, &self.random, text.as_bytes(), &mut signature)
                    .map_err(|_| CredentialError::Signing)?;
                STANDARD.encode(&signature)
            }
            PrivateKey::Ed25519(key) => STANDARD.encode(key.sign(text.as_bytes())),
        };
        Ok(SignedHeaders {
            key_id: Arc::clone(&self.key_id),
            timestamp_ms,
            signature,
        })
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKey, CredentialError> {
    let says = |word: &[u8]| pem.windows(word.len()).any(|w| w == word);
    // Both encrypted forms say so in clear: `BEGIN ENCRYPTED PRIVATE KEY` and `Proc-Type: 4,ENCRYPTED`.
    if says(b"ENCRYPTED") {
        return Err(CredentialError::Encrypted);
    }
    if says(b"BEGIN OPENSSH PRIVATE KEY") {
        return Err(CredentialError::OpenSsh);
    }
    let mut other = None;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| CredentialError::NoKey)?;
        let der = Zeroizing::new(der);
        match kind {
            SectionKind::RsaPrivateKey => {
                return RsaKeyPair::from_der(&der).map(PrivateKey::Rsa).map_err(rejected);
            }
            SectionKind::PrivateKey => return pkcs8_key(&der),
            SectionKind::EcPrivateKey => other = other.or(Some("an elliptic-curve key")),
            SectionKind::PublicKey => other = other.or(Some("a public key")),
            SectionKind::Certificate => other = other.or(Some("a certificate")),
            _ => {}
        }
    }
    Err(other.map_or(CredentialError::NoKey, CredentialError::WrongKind))
}

fn pkcs8_key(der: &[u8]) -> Result<PrivateKey, CredentialError> {
    // Object identifiers in DER: 1.3.101.112 (Ed25519, RFC 8410) and 1.2.840.10045.2.1 (elliptic curves, RFC 5480).
    const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    // The algorithm is named in the first bytes, before the key itself.
    let head = der.get(..der.len().min(32)).unwrap_or_default();
    let names = |oid: &[u8]| head.windows(oid.len()).any(|w| w == oid);
    if names(ED25519) {
        // The usual tools write version 1, which carries no public key to check against.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
            .map(PrivateKey::Ed25519)
            .map_err(|error| CredentialError::RejectedEd25519(error.to_string()))
    } else if names(EC) {
        Err(CredentialError::WrongKind("an elliptic-curve key"))
    } else {
        RsaKeyPair::from_pkcs8(der).map(PrivateKey::Rsa).map_err(rejected)
    }
}

fn rejected(error: ring::error::KeyRejected) -> CredentialError {
    CredentialError::Rejected(error.to_string())
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, KeyPair as _, RSA_PSS_2048_8192_SHA256,
        UnparsedPublicKey,
    };
    use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
    use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
    use rsa::rand_core::SeedableRng as _;

    use super::*;

    fn key(bits: usize) -> rsa::RsaPrivateKey {
        rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(bits as u64), bits).unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    }

    #[test]
    fn both_encodings_sign_alike_and_the_signature_verifies() {
        let key = key(2048);
        let public = key.to_public_key().to_pkcs1_der().unwrap();
        let pkcs1 = key.to_pkcs1_pem(LineEnding::LF).unwrap();
        let pkcs8 = key.to_pkcs8_pem(LineEnding::CRLF).unwrap();
        let at = DateTime::from_timestamp_millis(1_703_123_456_789).unwrap();
        for text in [pkcs1.as_str(), pkcs8.as_str()] {
            let credentials = Credentials::from_pem(" key-id\n", text.as_bytes()).unwrap();
            let signed = credentials
                .sign(at, "GET", "/trade-api/v2/portfolio/orders")
                .unwrap();
            assert_eq!(
                (&*signed.key_id, signed.timestamp_ms.as_str()),
                ("key-id", "1703123456789")
            );
            let signature = STANDARD.decode(&signed.signature).unwrap();
            let verifier = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public.as_bytes());
            let verify = |text: &str| verifier.verify(text.as_bytes(), &signature).is_ok();
            assert!(verify("1703123456789GET/trade-api/v2/portfolio/orders"));
            assert!(!verify("1703123456789GET/portfolio/orders"));
            assert!(!verify("1703123456789POST/trade-api/v2/portfolio/orders"));
        }
    }

    /// The private key of the first test of RFC 8032, section 7.1, as the usual tools write it: PKCS#8 version 1.
    fn ed25519_v1() -> String {
        const HEAD: [u8; 16] = [
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ];
        const SEED: [u8; 32] = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
            0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        pem("PRIVATE KEY", &[HEAD.as_slice(), SEED.as_slice()].concat())
    }

    #[test]
    fn ed25519_keys_sign_the_same_text_with_or_without_public_key() {
        // The public key of the same test of RFC 8032.
        const PUBLIC: [u8; 32] = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
            0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        let generated = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(generated.as_ref()).unwrap();
        let v2 = pem("PRIVATE KEY", generated.as_ref());
        let at = DateTime::from_timestamp_millis(1_703_123_456_789).unwrap();
        for (text, public) in [
            (ed25519_v1(), PUBLIC.as_slice()),
            (v2, pair.public_key().as_ref()),
        ] {
            let credentials = Credentials::from_pem("key-id", text.as_bytes()).unwrap();
            let signed = credentials
                .sign(at, "POST", "/trade-api/v2/portfolio/events/orders")
                .unwrap();
            let signature = STANDARD.decode(&signed.signature).unwrap();
            assert_eq!(signature.len(), 64);
            let verifier = UnparsedPublicKey::new(&ED25519, public);
            let verify = |text: &str| verifier.verify(text.as_bytes(), &signature).is_ok();
            assert!(verify("1703123456789POST/trade-api/v2/portfolio/events/orders"));
            assert!(!verify("1703123456780POST/trade-api/v2/portfolio/events/orders"));
        }
    }

    #[test]
    fn the_salt_is_as_long_as_the_digest() {
        use rsa::signature::Verifier as _;
        let key = key(2048);
        let pkcs8 = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let credentials = Credentials::from_pem("id", pkcs8.as_bytes()).unwrap();
        let signed = credentials.sign(DateTime::UNIX_EPOCH, "GET", "/a").unwrap();
        let signature = STANDARD.decode(&signed.signature).unwrap();
        let signature = rsa::pss::Signature::try_from(signature.as_slice()).unwrap();
        for (salt, right) in [(32, true), (20, false), (0, false)] {
            let verifier =
                rsa::pss::VerifyingKey::<sha2::Sha256>::new_with_salt_len(key.to_public_key(), salt);
            assert_eq!(verifier.verify(b"0GET/a", &signature).is_ok(), right, "{salt}");
        }
    }

    #[test]
    fn what_is_no_usable_key_is_named_in_one_sentence() {
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let small = key(1024);
        let public = small.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
        let cases = [
            (pem("PRIVATE KEY", ed25519.as_ref().get(..40).unwrap()), "not a usable Ed25519 key (InvalidEncoding)"),
            (pem("PRIVATE KEY", ec.as_ref()), "an elliptic-curve key, not an RSA"),
            (pem("OPENSSH PRIVATE KEY", &[1, 2, 3]), "in OpenSSH's own format"),
            (pem("EC PRIVATE KEY", &[1, 2, 3]), "an elliptic-curve key, not an RSA"),
            (public, "a public key, not an RSA"),
            (pem("CERTIFICATE", &[1, 2, 3]), "a certificate, not an RSA"),
            (pem("ENCRYPTED PRIVATE KEY", &[1, 2, 3]), "is encrypted"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned(),
                "is encrypted",
            ),
            (small.to_pkcs1_pem(LineEnding::LF).unwrap().to_string(), "2048 to 4096 bits (TooSmall)"),
            (pem("RSA PRIVATE KEY", &[1, 2, 3]), "2048 to 4096 bits (InvalidEncoding)"),
            (pem("PRIVATE KEY", &[1, 2, 3]), "2048 to 4096 bits (InvalidEncoding)"),
            ("-----BEGIN RSA PRIVATE KEY-----\n!!!\n".to_owned(), "no private key found"),
            ("hello".to_owned(), "no private key found"),
            (String::new(), "no private key found"),
        ];
        for (text, sentence) in cases {
            let error = Credentials::from_pem("id", text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(sentence), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        for id in ["", "  ", "a b", "a\nb", "é"] {
            assert_eq!(
                Credentials::from_pem(id, b"").unwrap_err(),
                CredentialError::KeyId
            );
        }
        let missing = Credentials::from_pem_file("id", Path::new("no/such/file.pem")).unwrap_err();
        assert!(
            missing.to_string().contains("no/such/file.pem cannot be read"),
            "{missing}"
        );
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let pem = key(2048).to_pkcs8_pem(LineEnding::LF).unwrap();
        let credentials = Credentials::from_pem("the-key-id", pem.as_bytes()).unwrap();
        let signed = credentials.sign(DateTime::UNIX_EPOCH, "GET", "/").unwrap();
        assert_eq!(
            format!("{credentials:?} {signed:?}"),
            "Credentials(***) SignedHeaders(***)"
        );
    }
}
