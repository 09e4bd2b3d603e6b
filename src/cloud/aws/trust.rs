//! Whom the SDK trusts where AWS_CA_BUNDLE says so: behind a proxy that looks into TLS, or for an endpoint of one's own.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>

use std::path::Path;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::unusable;
use crate::cloud::Result;

/// A client that trusts the certificates of a file, and no others.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(super) fn client(bundle: &Path) -> Result<SharedHttpClient> {
    let wrong = |why: String| {
        unusable(
            "ca-bundle",
            format!("AWS_CA_BUNDLE is {}, {why}.", bundle.display()),
        )
    };
    let bytes =
        std::fs::read(bundle).map_err(|error| wrong(format!("which cannot be read: {error}")))?;
    // The SDK would panic at a certificate that it cannot read.
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        number += 1;
        let read = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| {
                webpki::anchor_from_trusted_cert(&certificate)
                    .map(drop)
                    .map_err(|error| error.to_string())
            });
        read.map_err(|error| {
            wrong(format!(
                "whose certificate {number} cannot be read: {error}"
            ))
        })?;
    }
    if number == 0 {
        return Err(wrong("which holds no certificate in PEM form".to_owned()));
    }
    let context = TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(bytes))
        .build()
        .map_err(|error| wrong(format!("which cannot be used: {error}")))?;
    // As the SDK's own client, but for the trust.
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = ConnectorBuilder::default()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(context.clone())
                .proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.build()
        }),
    )
}
