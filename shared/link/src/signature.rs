//! Ed25519 (RFC 8032) as approvers use it: keys of people, which no program of ours needs to hold.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use pem::{EncodeConfig, LineEnding, Pem};
use querysmith_shared::approval::{PublicKey, Signature};

/// The label of a PKCS#8 key in PEM (RFC 7468), as OpenSSL writes it too.
const LABEL: &str = "PRIVATE KEY";

/// Whether the owner of its key made this signature of exactly this text.
pub fn verify(signature: &Signature, text: &str) -> bool {
    UnparsedPublicKey::new(&ED25519, signature.key.0).verify(text.as_bytes(), signature.bytes()).is_ok()
}

/// An approver's private key.
#[derive(Debug)]
pub struct ApproverKey(Ed25519KeyPair);

/// There is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no PEM.
    #[error("the file is no PEM file")]
    NotPem(#[from] pem::PemError),
    /// It holds something else.
    #[error("the file holds a {0}, not an unencrypted {LABEL}")]
    OtherLabel(String),
    /// The key is of another kind.
    #[error("the file holds no Ed25519 key in PKCS#8")]
    NotEd25519,
    /// The system gave no randomness.
    #[error("no key could be made")]
    Random,
}

impl ApproverKey {
    /// A new key, from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| KeyError::Random)
    }

    /// The key in a PEM file, such as [`Self::to_pem`] or `openssl genpkey -algorithm ed25519` writes.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let file = pem::parse(text)?;
        if file.tag() != LABEL {
            return Err(KeyError::OtherLabel(file.tag().to_owned()));
        }
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(file.contents())
            .map(Self)
            .map_err(|_| KeyError::NotEd25519)
    }

    /// The key as PKCS#8 in PEM. A secret.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        // Version 1, without the public key: the one that OpenSSL reads.
        let der = self.0.to_pkcs8v1().map_err(|_| KeyError::NotEd25519)?;
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
        Ok(pem::encode_config(&Pem::new(LABEL, der.as_ref()), config))
    }

    /// What a host's allow-list names.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    /// Signs a text.
    pub fn sign(&self, text: &str) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(text.as_bytes()).as_ref());
        Signature::new(self.public(), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2: the signed message is the letter r.
    #[test]
    fn the_standards_signature_is_accepted() {
        let key = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c".parse().unwrap();
        let digits = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                      085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let signature = Signature::parse(key, digits).unwrap();
        assert!(verify(&signature, "r"));
        assert!(!verify(&signature, "s"));
    }

    #[test]
    fn a_key_survives_its_file() {
        let key = ApproverKey::generate().unwrap();
        let read = ApproverKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(read.public(), key.public());
        assert!(verify(&read.sign("a text"), "a text"));
    }

    #[test]
    fn openssls_key_is_read() {
        // openssl genpkey -algorithm ed25519; its public half by openssl pkey -pubout -outform DER | tail -c 32
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = ApproverKey::from_pem(pem).unwrap();
        let public = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.public().to_string(), public);
        assert_eq!(key.to_pem().unwrap(), pem);
    }

    #[test]
    fn other_files_are_told_apart() {
        let error = |text: &str| ApproverKey::from_pem(text).unwrap_err().to_string();
        assert_eq!(error("nothing"), "the file is no PEM file");
        let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert!(error(public).contains("PUBLIC KEY, not an unencrypted PRIVATE KEY"), "{}", error(public));
        let rubbish = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(error(rubbish), "the file holds no Ed25519 key in PKCS#8");
    }
}
