//! TLS for checks: whom to trust, and when the certificates expire.
//!
//! The verifier notes the earliest expiry of the chain before it judges, so that
//! an expired certificate is told with its date.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::check::Context;
use super::check::Stats;
use super::connect;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Timestamp;

/// Whom a check trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Certificates that a root signed.
    Roots,
    /// Any certificate, as long as its owner holds the key.
    Anyone,
}

/// Ready to shake hands.
#[derive(Debug)]
pub(super) struct Tls {
    roots: Arc<RootCertStore>,
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

/// The roots could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoTrust {
    /// The file can't be read as PEM.
    #[error("the certificates in {path} can't be read: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// There is none in it.
    #[error("{path} holds no certificate")]
    Empty {
        /// The file.
        path: String,
    },
}

impl Tls {
    /// With Mozilla's roots and those in `ca_file` (PEM).
    ///
    /// # Errors
    /// When that file is no good.
    pub(super) fn new(trust: Trust, ca_file: Option<&Path>) -> Result<Self, NoTrust> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(file) = ca_file {
            let path = file.display().to_string();
            let fault = |why: String| NoTrust::File {
                path: path.clone(),
                why,
            };
            let mut count = 0;
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| fault(e.to_string()))? {
                let certificate = certificate.map_err(|e| fault(e.to_string()))?;
                roots.add(certificate).map_err(|e| fault(e.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(NoTrust::Empty { path });
            }
        }
        Ok(Self {
            roots: Arc::new(roots),
            trust,
            provider: Arc::new(ring::default_provider()),
        })
    }

    /// Shakes hands; phase `tls`, and the expiry of the certificates.
    ///
    /// # Errors
    /// The outcome of the look.
    pub(super) async fn shake(
        &self,
        host: &str,
        stream: TcpStream,
        context: &Context,
        stats: &mut Stats,
    ) -> Result<TlsStream<TcpStream>, Outcome> {
        let internal = |why: String| Outcome::Blind(BlindReason::Internal(why));
        let name = ServerName::try_from(host.to_owned()).map_err(|e| internal(e.to_string()))?;
        let verifier = Arc::new(Noting {
            inner: WebPkiServerVerifier::builder_with_provider(
                Arc::clone(&self.roots),
                Arc::clone(&self.provider),
            )
            .build()
            .map_err(|e| internal(e.to_string()))?,
            trust: self.trust,
            earliest: Mutex::new(None),
        });
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| internal(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Noting>::clone(&verifier))
            .with_no_client_auth();
        let start = context.clock.mono();
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        stats.end_phase("tls", start, context);
        stats.tls_not_after = *verifier.earliest.lock().unwrap_or_else(PoisonError::into_inner);
        shaken.map_err(|error| {
            let told = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            told.map_or_else(
                || connect::meaning(&error),
                |e| Outcome::Bad(Reason::Tls(e.to_string())),
            )
        })
    }
}

/// Notes the earliest expiry, then judges as the inner one does, or not at all.
#[derive(Debug)]
struct Noting {
    inner: Arc<WebPkiServerVerifier>,
    trust: Trust,
    earliest: Mutex<Option<Timestamp>>,
}

/// When a certificate expires (RFC 5280 §4.1.2.5); `None` when it is no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Timestamp::from_secs(parsed.validity().not_after.timestamp()))
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let earliest = chain.filter_map(|c| not_after(c)).min();
        *self.earliest.lock().unwrap_or_else(PoisonError::into_inner) = earliest;
        match self.trust {
            Trust::Roots => {
                self.inner
                    .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Trust::Anyone if earliest.is_none() => {
                Err(Error::InvalidCertificate(CertificateError::BadEncoding))
            }
            Trust::Anyone => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
