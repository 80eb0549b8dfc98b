//! Signatures against a second implementation: OpenSSL verifies what our client signs, and the stand-in accepts what
//! OpenSSL signs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use autotrader_kalshi_api::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rstest::rstest;
use serde_json::Value;

use crate::place::Place;
use crate::process::{Deadline, Running, SHORT};
use crate::wall_time;

/// The path every signature here covers.
const PATH: &str = "/trade-api/v2/portfolio/orders";

/// How the exchange's documentation wants RSA signatures padded: the salt as long as the digest.
const PSS: &[&str] = &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];

/// The command, run in the place's working directory; whether it succeeded, and what it wrote.
fn openssl(place: &Place, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(place.work())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[track_caller]
fn must(place: &Place, arguments: &[&str]) {
    let (succeeded, text) = openssl(place, arguments);
    assert!(succeeded, "openssl {arguments:?}: {text}");
}

/// Whether there is an OpenSSL at all; absence is said aloud.
fn present() -> bool {
    let present = Command::new("openssl").arg("version").output().is_ok();
    if !present {
        // Written past the test harness, which keeps the output of passing tests to itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: signatures against OpenSSL, which is not installed"
        );
    }
    present
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pkcs1,
    Pkcs8,
    Ed25519,
}

impl Kind {
    /// Makes a private key in `key.pem` and its public half in `public.pem`.
    fn generate(self, place: &Place) -> PathBuf {
        let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        match self {
            Self::Pkcs8 => must(place, &[&["genpkey", "-out", "key.pem"][..], &rsa].concat()),
            Self::Ed25519 => must(place, &["genpkey", "-algorithm", "ED25519", "-out", "key.pem"]),
            Self::Pkcs1 => {
                must(place, &[&["genpkey", "-out", "new.pem"][..], &rsa].concat());
                must(
                    place,
                    &["rsa", "-in", "new.pem", "-traditional", "-out", "key.pem"],
                );
            }
        }
        must(
            place,
            &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"],
        );
        let path = place.work().join("key.pem");
        let label = match self {
            Self::Pkcs1 => "BEGIN RSA PRIVATE KEY",
            Self::Pkcs8 | Self::Ed25519 => "BEGIN PRIVATE KEY",
        };
        assert!(fs::read_to_string(&path).unwrap().contains(label));
        path
    }

    /// Whether OpenSSL accepts `signature` under `public.pem` for `text`.
    fn verifies(self, place: &Place, text: &str, signature: &[u8]) -> bool {
        place.write("text", text);
        place.write("signature", signature);
        let (accepted, _) = match self {
            Self::Ed25519 => openssl(
                place,
                &[
                    "pkeyutl",
                    "-verify",
                    "-pubin",
                    "-inkey",
                    "public.pem",
                    "-rawin",
                    "-in",
                    "text",
                    "-sigfile",
                    "signature",
                ],
            ),
            Self::Pkcs1 | Self::Pkcs8 => openssl(
                place,
                &[
                    &[
                        "dgst",
                        "-sha256",
                        "-verify",
                        "public.pem",
                        "-signature",
                        "signature",
                    ][..],
                    PSS,
                    &["text"],
                ]
                .concat(),
            ),
        };
        accepted
    }
}

#[rstest]
#[case::pkcs1(Kind::Pkcs1)]
#[case::pkcs8(Kind::Pkcs8)]
#[case::ed25519(Kind::Ed25519)]
fn openssl_verifies_what_we_sign(#[case] kind: Kind) {
    if !present() {
        return;
    }
    let place = Place::new();
    let key = kind.generate(&place);
    let credentials = Credentials::from_pem_file("the-key", &key).unwrap();
    let at = DateTime::from_timestamp_millis(1_795_350_000_123).unwrap();
    let signed = credentials.sign(at, "DELETE", PATH).unwrap();
    let signature = STANDARD.decode(&signed.signature).unwrap();
    let text = format!("1795350000123DELETE{PATH}");
    assert!(kind.verifies(&place, &text, &signature), "{text}");
    for other in [
        format!("1795350000124DELETE{PATH}"),
        format!("1795350000123GET{PATH}"),
        format!("{text}?limit=1"),
        "1795350000123DELETE/portfolio/orders".to_owned(),
    ] {
        assert!(!kind.verifies(&place, &other, &signature), "{other}");
    }
    let mut bent = signature;
    bent[5] ^= 1;
    assert!(!kind.verifies(&place, &text, &bent), "one changed bit");
}

/// The stand-in with its ready line.
struct Exchange {
    place: Place,
    ready: Value,
    _process: Running,
}

impl Exchange {
    fn start() -> Self {
        let place = Place::new();
        let mut process = Running::start(&mut place.autotrader(&[
            "simulate",
            "--listen",
            "127.0.0.1:0",
            "--key-dir",
            "keys",
        ]));
        let line = process.until("{", Deadline::after(SHORT));
        let ready = serde_json::from_str(&line).unwrap();
        Self {
            place,
            ready,
            _process: process,
        }
    }

    fn ready(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    /// What OpenSSL makes of `text` by a command that is given the file for its result before `last`.
    fn signature(&self, how: &[&str], last: &[&str], text: &str) -> String {
        self.place.write("text", text);
        must(&self.place, &[how, &["-out", "signature"], last].concat());
        STANDARD.encode(fs::read(self.place.work().join("signature")).unwrap())
    }

    /// The status and body of a signed read of our orders.
    fn asked(&self, key_id: &str, at: DateTime<Utc>, signature: &str) -> (u16, String) {
        let address = self.ready("base_url").split('/').nth(2).unwrap().to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nKALSHI-ACCESS-KEY: {key_id}\r\n\
             KALSHI-ACCESS-TIMESTAMP: {}\r\nKALSHI-ACCESS-SIGNATURE: {signature}\r\n\r\n",
            at.timestamp_millis()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// Signs a read with OpenSSL and sends it.
    fn signed_by_openssl(&self, key_id: &str, how: &[&str], last: &[&str]) -> (u16, String) {
        let at = wall_time();
        let signature = self.signature(how, last, &format!("{}GET{PATH}", at.timestamp_millis()));
        self.asked(key_id, at, &signature)
    }
}

#[test]
fn the_stand_in_accepts_what_openssl_signs() {
    if !present() {
        return;
    }
    let exchange = Exchange::start();
    let (id, key) = (exchange.ready("key_id"), exchange.ready("private_key_path"));
    assert!(Path::new(key).is_file());
    // The name of the signed file stands last.
    let ask = |options: &[&str]| {
        let how = [&["dgst", "-sha256", "-sign", key][..], options].concat();
        exchange.signed_by_openssl(id, &how, &["text"])
    };
    let (status, answer) = ask(PSS);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"orders\""), "{answer}");
    for (name, options) in [
        ("PKCS#1 v1.5 padding", &[][..]),
        (
            "a salt of 20 bytes",
            &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"][..],
        ),
    ] {
        let (status, answer) = ask(options);
        assert_eq!(status, 401, "{name}: {answer}");
        assert!(answer.contains("INCORRECT_API_KEY_SIGNATURE"), "{name}: {answer}");
    }
}

#[test]
fn the_stand_in_accepts_an_ed25519_signature_of_openssl() {
    if !present() {
        return;
    }
    let exchange = Exchange::start();
    let id = exchange.ready("ed25519_key_id").to_owned();
    let key = exchange.ready("ed25519_private_key_path").to_owned();
    let how = ["pkeyutl", "-sign", "-inkey", &key, "-rawin", "-in", "text"];
    let (status, answer) = exchange.signed_by_openssl(&id, &how, &[]);
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = exchange.signed_by_openssl(exchange.ready("key_id"), &how, &[]);
    assert_eq!(status, 401, "the key of another id: {answer}");
}
