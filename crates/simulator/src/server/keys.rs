//! The key pair of the stand-in: made here, because nothing else in the house makes RSA keys.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};

/// The size of the key, in bits; the exchange's own generated keys have it.
const BITS: usize = 2_048;

/// Why no key pair could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The number theory failed.
    #[error("no RSA key could be generated: {0}")]
    Generate(#[from] rsa::Error),
    /// The private key could not be written as PKCS#8.
    #[error("the private key could not be encoded: {0}")]
    Private(#[from] rsa::pkcs8::Error),
    /// The public key could not be written as PKCS#1.
    #[error("the public key could not be encoded: {0}")]
    Public(#[from] rsa::pkcs1::Error),
}

/// The public half of a key and its id: what the server needs to check signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id, shaped like a UUID.
    pub key_id: String,
    /// The public key as PKCS#1 DER.
    pub public_der: Vec<u8>,
}

/// A key id and its RSA key pair.
pub struct SimKeys {
    api_key: ApiKey,
    private_pem: String,
}

impl fmt::Debug for SimKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimKeys")
            .field("key_id", &self.api_key.key_id)
            .finish_non_exhaustive()
    }
}

impl SimKeys {
    /// Makes a key pair from a source of randomness; takes a tenth of a second or more.
    ///
    /// # Errors
    /// [`KeyError`] when generation or encoding fails.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Result<Self, KeyError> {
        let private = RsaPrivateKey::new(rng, BITS)?;
        let private_pem = private.to_pkcs8_pem(LineEnding::LF)?.to_string();
        let public_der = private.to_public_key().to_pkcs1_der()?.as_bytes().to_vec();
        let mut id = [0_u8; 16];
        rng.fill_bytes(&mut id);
        Ok(Self {
            api_key: ApiKey {
                key_id: uuid_text(id),
                public_der,
            },
            private_pem,
        })
    }

    /// Makes the key pair of a seed: for runs that must repeat, on loopback only.
    ///
    /// # Errors
    /// As [`SimKeys::generate`].
    pub fn from_seed(seed: u64) -> Result<Self, KeyError> {
        Self::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    /// The id, shaped like a UUID.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.api_key.key_id
    }

    /// The private key as PKCS#8 PEM.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// What the server needs.
    #[must_use]
    pub fn api_key(&self) -> ApiKey {
        self.api_key.clone()
    }

    /// Writes `key_id` and `private_key.pem` into a directory, readable by the owner alone; existing files are replaced.
    ///
    /// # Errors
    /// When the directory cannot be made or a file cannot be written.
    pub fn write_to(&self, dir: &Path) -> io::Result<KeyFiles> {
        std::fs::create_dir_all(dir)?;
        let files = KeyFiles {
            key_id: dir.join("key_id"),
            private_key: dir.join("private_key.pem"),
        };
        write_private(&files.key_id, self.key_id())?;
        write_private(&files.private_key, &self.private_pem)?;
        Ok(files)
    }
}

/// Where the key pair was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The file with the key id.
    pub key_id: PathBuf,
    /// The file with the private key.
    pub private_key: PathBuf,
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}
