//! The process-wide TLS provider.

/// Installs ring as the TLS provider of the process; calling it again changes nothing.
///
/// Call it before any HTTP client is built: with no provider installed, building one would panic.
pub fn install_tls_provider() {
    // An error means that a provider is installed already, which is all that is wanted.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

/// Whether a provider is installed.
pub(crate) fn tls_provider_installed() -> bool {
    rustls::crypto::CryptoProvider::get_default().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_harmless() {
        install_tls_provider();
        install_tls_provider();
        assert!(tls_provider_installed());
    }
}
