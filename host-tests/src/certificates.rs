//! Certificates issued for a single test.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
pub use test_servers::Certificates;

/// Creates a new certificate authority, and a certificate that it has issued for 127.0.0.1.
pub fn issue() -> anyhow::Result<Certificates> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?.pem();
    Ok(Certificates { ca: own, certificate, key: key.serialize_pem() })
}
