use super::*;
use querysmith_link::certificates::{AgentCertificate, agent_certificate};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn directory() -> PathBuf {
    let name = format!("querysmith-authority-{}", uuid::Uuid::new_v4());
    std::env::temp_dir().join(name)
}

fn request(change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn agent() -> AgentId {
    AgentId(uuid::Uuid::from_u128(7))
}

#[test]
fn the_authority_survives_a_restart_and_its_key_is_private() {
    let directory = directory();
    let first = Authority::open(&directory, NOW).unwrap();
    let key = directory.join("ca/ca-key.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    let again = Authority::open(&directory, NOW).unwrap();
    assert_eq!(first.pin(), again.pin());
    assert_eq!(first.certificate(), again.certificate());

    fs::remove_file(directory.join("ca/ca.pem")).unwrap();
    assert_eq!(Authority::open(&directory, NOW).unwrap().pin(), first.pin());

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Authority::open(&directory, NOW), Err(AuthorityError::Exposed(_))));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_certificate_of_another_key_is_noticed() {
    let (one, two) = (directory(), directory());
    Authority::open(&one, NOW).unwrap();
    Authority::open(&two, NOW).unwrap();
    fs::copy(one.join("ca/ca.pem"), two.join("ca/ca.pem")).unwrap();
    assert!(matches!(Authority::open(&two, NOW), Err(AuthorityError::Unreadable(_))));
    fs::remove_dir_all(one).unwrap();
    fs::remove_dir_all(two).unwrap();
}

#[test]
fn an_agents_certificate_says_who_and_until_when() {
    let directory = directory();
    let authority = Authority::open(&directory, NOW).unwrap();
    let (pem, issued) =
        authority.issue_agent_certificate(&request(|_| ()), agent(), NOW, [0xff; 16]).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (not_before, not_after) = (Timestamp(NOW.0 - 3_600_000_000), NOW.after(AGENT_LIFE));
    let expected = AgentCertificate { agent: agent(), not_before, not_after };
    assert_eq!(agent_certificate(&certificate), Some(expected));
    assert_eq!(issued.not_after, NOW.after(AGENT_LIFE));
    assert_eq!(issued.serial, format!("7f{}", "ff".repeat(15)));
    assert_eq!(pin_of(authority.certificate()), Some(authority.pin()));
    assert_eq!(agent_certificate(authority.certificate()), None);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_request_that_asks_for_more_than_a_signature_is_refused() {
    let directory = directory();
    let authority = Authority::open(&directory, NOW).unwrap();
    let issue = |pem: &str| authority.issue_agent_certificate(pem, agent(), NOW, [1; 16]).map(|_| ());
    let named = request(|params| params.distinguished_name.push(DnType::CommonName, "somebody else"));
    let aliased = request(|params| {
        let uri = format!("spiffe://querysmith/agent/{}", uuid::Uuid::from_u128(8)).try_into().unwrap();
        params.subject_alt_names = vec![SanType::URI(uri)];
    });
    let authority_too = request(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let mut broken = request(|_| ());
    broken.replace_range(60..64, "AAAA");

    assert!(
        matches!(issue(&named), Err(IssueError::BadRequest(BadRequest::Name(name))) if name.contains("somebody"))
    );
    assert!(matches!(issue(&aliased), Err(IssueError::BadRequest(BadRequest::Extensions))));
    assert!(matches!(issue(&authority_too), Err(IssueError::BadRequest(BadRequest::Extensions))));
    assert!(matches!(issue(&broken), Err(IssueError::BadRequest(BadRequest::Unreadable(_)))));
    assert!(matches!(issue("nonsense"), Err(IssueError::BadRequest(BadRequest::Unreadable(_)))));
    fs::remove_dir_all(directory).unwrap();
}
