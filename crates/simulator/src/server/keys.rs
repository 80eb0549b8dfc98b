//! The keys of the stand-in: made here, because nothing else in the house makes keys.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};

/// The size of the key, in bits; the exchange's own generated keys have it.
const BITS: usize = 2_048;

/// What precedes the 32 bytes of an Ed25519 seed in PKCS#8 DER, version 1 (RFC 8410, section 7).
const ED25519_PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why no key pair could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The number theory failed.
    #[error("no RSA key could be generated: {0}")]
    Generate(#[from] rsa::Error),
    /// The private key could not be written as PKCS#8.
    #[error("the private key could not be encoded: {0}")]
    Private(#[from] rsa::pkcs8::Error),
    /// The key could not be written as PKCS#1.
    #[error("the key could not be encoded as PKCS#1: {0}")]
    Public(#[from] rsa::pkcs1::Error),
    /// An Ed25519 seed was refused.
    #[error("no Ed25519 key could be made: {0}")]
    Ed25519(ring::error::KeyRejected),
}

/// The public half of a key, in the form in which signatures are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, as PKCS#1 DER; signs with PSS, SHA-256 and a salt of 32 bytes.
    Rsa(Vec<u8>),
    /// Ed25519, its 32 bytes; signs the text itself.
    Ed25519(Vec<u8>),
}

/// What a key may do; the words are those of the specification's `ApiKeyScope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every read.
    Read,
    /// Every write.
    Write,
    /// The balance alone.
    ReadPortfolioBalance,
    /// Orders and order groups alone.
    WriteTrade,
}

impl Scope {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadPortfolioBalance => "read::portfolio_balance",
            Self::WriteTrade => "write::trade",
        }
    }
}

/// The public half of a key, its id and what it may do: what the server needs to check requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id, shaped like a UUID.
    pub key_id: String,
    /// A name for lists of keys.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The public key.
    pub public: PublicKey,
}

/// A key and its private half.
struct KeyPair {
    api_key: ApiKey,
    private_pem: String,
}

/// The keys of one account: RSA and Ed25519 with every right, and an Ed25519 key that may only read.
pub struct SimKeys {
    rsa: KeyPair,
    rsa_pkcs1_pem: String,
    ed25519: KeyPair,
    read_only: KeyPair,
}

impl fmt::Debug for SimKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimKeys")
            .field("key_id", &self.rsa.api_key.key_id)
            .field("ed25519_key_id", &self.ed25519.api_key.key_id)
            .finish_non_exhaustive()
    }
}

impl SimKeys {
    /// Makes the keys from a source of randomness; takes a tenth of a second or more.
    ///
    /// # Errors
    /// [`KeyError`] when generation or encoding fails.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Result<Self, KeyError> {
        let private = RsaPrivateKey::new(rng, BITS)?;
        let public = private.to_public_key().to_pkcs1_der()?.as_bytes().to_vec();
        let every = vec![Scope::Read, Scope::Write];
        Ok(Self {
            rsa: KeyPair {
                private_pem: private.to_pkcs8_pem(LineEnding::LF)?.to_string(),
                api_key: ApiKey {
                    key_id: new_id(rng),
                    name: "rsa".to_owned(),
                    scopes: every.clone(),
                    public: PublicKey::Rsa(public),
                },
            },
            rsa_pkcs1_pem: private.to_pkcs1_pem(LineEnding::LF)?.to_string(),
            ed25519: ed25519_pair(rng, "ed25519", every)?,
            read_only: ed25519_pair(rng, "read only", vec![Scope::Read])?,
        })
    }

    /// Makes the keys of a seed: for runs that must repeat, on loopback only.
    ///
    /// # Errors
    /// As [`SimKeys::generate`].
    pub fn from_seed(seed: u64) -> Result<Self, KeyError> {
        Self::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    /// The id of the RSA key, shaped like a UUID.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.rsa.api_key.key_id
    }

    /// The RSA private key as PKCS#8 PEM.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.rsa.private_pem
    }

    /// The RSA private key as PKCS#1 PEM, the form in which the exchange hands out generated keys.
    #[must_use]
    pub fn private_pkcs1_pem(&self) -> &str {
        &self.rsa_pkcs1_pem
    }

    /// The id of the Ed25519 key.
    #[must_use]
    pub fn ed25519_key_id(&self) -> &str {
        &self.ed25519.api_key.key_id
    }

    /// The Ed25519 private key as PKCS#8 PEM.
    #[must_use]
    pub fn ed25519_private_pem(&self) -> &str {
        &self.ed25519.private_pem
    }

    /// The id of the key that may only read.
    #[must_use]
    pub fn read_only_key_id(&self) -> &str {
        &self.read_only.api_key.key_id
    }

    /// The private key, Ed25519 as PKCS#8 PEM, of the key that may only read.
    #[must_use]
    pub fn read_only_private_pem(&self) -> &str {
        &self.read_only.private_pem
    }

    /// What the server needs of the RSA key.
    #[must_use]
    pub fn api_key(&self) -> ApiKey {
        self.rsa.api_key.clone()
    }

    /// What the server needs of every key.
    #[must_use]
    pub fn api_keys(&self) -> Vec<ApiKey> {
        [&self.rsa, &self.ed25519, &self.read_only]
            .map(|pair| pair.api_key.clone())
            .to_vec()
    }

    /// Writes the ids and private keys into a directory, readable by the owner alone; existing files are replaced.
    ///
    /// # Errors
    /// When the directory cannot be made or a file cannot be written.
    pub fn write_to(&self, dir: &Path) -> io::Result<KeyFiles> {
        std::fs::create_dir_all(dir)?;
        let files = KeyFiles {
            key_id: dir.join("key_id"),
            private_key: dir.join("private_key.pem"),
            private_key_pkcs1: dir.join("private_key_pkcs1.pem"),
            ed25519_key_id: dir.join("ed25519_key_id"),
            ed25519_private_key: dir.join("ed25519_private_key.pem"),
            read_only_key_id: dir.join("read_only_key_id"),
            read_only_private_key: dir.join("read_only_private_key.pem"),
        };
        for (path, text) in [
            (&files.key_id, self.key_id()),
            (&files.private_key, self.private_pem()),
            (&files.private_key_pkcs1, self.private_pkcs1_pem()),
            (&files.ed25519_key_id, self.ed25519_key_id()),
            (&files.ed25519_private_key, self.ed25519_private_pem()),
            (&files.read_only_key_id, self.read_only_key_id()),
            (&files.read_only_private_key, self.read_only_private_pem()),
        ] {
            write_private(path, text)?;
        }
        Ok(files)
    }
}

/// Where the keys were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The file with the id of the RSA key.
    pub key_id: PathBuf,
    /// The file with the RSA private key, PKCS#8.
    pub private_key: PathBuf,
    /// The same key as PKCS#1.
    pub private_key_pkcs1: PathBuf,
    /// The file with the id of the Ed25519 key.
    pub ed25519_key_id: PathBuf,
    /// The file with the Ed25519 private key, PKCS#8.
    pub ed25519_private_key: PathBuf,
    /// The file with the id of the key that may only read.
    pub read_only_key_id: PathBuf,
    /// The file with its private key, Ed25519, PKCS#8.
    pub read_only_private_key: PathBuf,
}

fn ed25519_pair<R: RngCore + CryptoRng>(
    rng: &mut R,
    name: &str,
    scopes: Vec<Scope>,
) -> Result<KeyPair, KeyError> {
    let mut seed = [0_u8; 32];
    rng.fill_bytes(&mut seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(KeyError::Ed25519)?;
    let der = [ED25519_PKCS8_PREFIX.as_slice(), &seed].concat();
    Ok(KeyPair {
        api_key: ApiKey {
            key_id: new_id(rng),
            name: name.to_owned(),
            scopes,
            public: PublicKey::Ed25519(pair.public_key().as_ref().to_vec()),
        },
        private_pem: format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        ),
    })
}

fn new_id<R: RngCore>(rng: &mut R) -> String {
    let mut id = [0_u8; 16];
    rng.fill_bytes(&mut id);
    uuid_text(id)
}

/// Writes a file that only its owner can read; an existing one is replaced.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
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
