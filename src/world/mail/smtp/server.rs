//! A mail server as configured.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::login::Login;
use crate::config::{Sending, Tls};
use crate::error::{Context, Result, bail};
use crate::world::mail::stream::Timed;
use crate::world::process;

/// A server, and the credentials for it.
pub struct Server {
    pub host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) trust: Arc<ClientConfig>,
    pub(super) user: String,
    pub(super) login: Option<Login>,
    pub(super) pipelining: bool,
    pub(super) timeout: Duration,
    pub(super) final_timeout: Duration,
    /// The name in EHLO; the address of the connection if there is no full name.
    hello: Option<String>,
}

impl Server {
    /// `certificates`: a file (PEM) with the only trusted issuers.
    pub fn new(sending: &Sending, certificates: Option<&[u8]>, login: Option<Login>) -> Result<Server> {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("cannot prepare TLS")?;
        let trust = match certificates {
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    roots.add(certificate.context("`ca_file` cannot be read")?).context("`ca_file` contains an invalid certificate")?;
                }
                if roots.is_empty() {
                    bail!("`ca_file` contains no certificate"; help: "use a text file that begins with -----BEGIN CERTIFICATE-----");
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            None => builder.with_platform_verifier().context("cannot read the certificates of this machine")?.with_no_client_auth(),
        };
        if !sending.user.is_empty() && login.is_none() {
            bail!(
                "no password for `{}`", sending.user;
                help: "set RUNSHEET_SMTP_PASSWORD, or `password_file` or `password_command` in [smtp]; for a token, RUNSHEET_SMTP_TOKEN, `token_file` or `token_command`"
            );
        }
        Ok(Server {
            host: sending.host.clone(),
            port: sending.port,
            tls: sending.tls,
            trust: Arc::new(trust),
            user: sending.user.clone(),
            login,
            pipelining: sending.pipelining,
            timeout: sending.timeout,
            final_timeout: sending.final_timeout,
            hello: sending.hello.clone().or_else(process::full_name),
        })
    }

    /// `mail.example.org:587`
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The name by which we introduce ourselves (RFC 5321 §4.1.3).
    pub(super) fn hello_name(&self, timed: &Timed) -> String {
        if let Some(name) = &self.hello {
            return name.clone();
        }
        match timed.stream.local_addr().map(|address| address.ip()) {
            Ok(IpAddr::V4(address)) => format!("[{address}]"),
            Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
            Err(_) => "localhost".to_owned(),
        }
    }
}
