//! The store is away: at the start, and in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::Signal;
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;

use crate::program::{Controller, Directory, wait_for};

/// The status of an answer, asked without any library.
fn status(http: &str, path: &str) -> Option<u16> {
    let address = http.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn the_controller_waits_for_the_store_and_says_so() {
    let options = Options { preload: Vec::new(), ..Options::default() };
    let mut cluster = Cluster::start(options).unwrap();
    cluster.create_database("store").await.unwrap();
    let url = cluster.url("store");
    cluster.stop_fast().unwrap();
    let directory = Directory::new();
    let data = directory.0.as_path();

    let mut controller = Controller::spawn(data, &[("DATABASE_URL", &url)]);
    wait_for(Duration::from_secs(60), || controller.log().contains("the store is away").then_some(()));
    assert_eq!(controller.http(), None);
    cluster.start_again().unwrap();
    controller.wait();
    let http = controller.http().unwrap();
    wait_for(Duration::from_secs(60), || (status(&http, "/readyz") == Some(200)).then_some(()));

    cluster.kill().unwrap();
    wait_for(Duration::from_secs(60), || (status(&http, "/readyz") == Some(503)).then_some(()));
    assert_eq!(status(&http, "/healthz"), Some(200));
    cluster.start_again().unwrap();
    wait_for(Duration::from_secs(90), || (status(&http, "/readyz") == Some(200)).then_some(()));

    let ended = controller.signal(Signal::SIGTERM);
    assert!(ended.success(), "{ended}: {}", controller.log());
}

#[tokio::test]
async fn a_controller_that_waits_for_its_store_can_be_stopped() {
    let directory = Directory::new();
    let data = directory.0.as_path();
    let mut controller = Controller::spawn(data, &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]);
    wait_for(Duration::from_secs(60), || controller.log().contains("the store is away").then_some(()));
    let ended = controller.signal(Signal::SIGTERM);
    assert!(ended.success(), "{ended}: {}", controller.log());
}
