//! A UDP relay between agent and controller that can lose packets or cut the line.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    cut: Arc<AtomicBool>,
    lose_one_in: Arc<AtomicU64>,
    controller: Arc<Mutex<SocketAddr>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(controller: SocketAddr) -> Self {
        let outside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = outside.local_addr().unwrap();
        let (cut, lose_one_in) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let controller = Arc::new(Mutex::new(controller));
        let passes = Passes { cut: Arc::clone(&cut), lose_one_in: Arc::clone(&lose_one_in), count: 0 };
        let task = tokio::spawn(relay(outside, Arc::clone(&controller), passes));
        Self { address, cut, lose_one_in, controller, task }
    }

    /// Leads new connections to another controller.
    pub(super) fn lead_to(&self, controller: SocketAddr) {
        *self.controller.lock().unwrap() = controller;
    }

    /// Nothing passes, in either direction, and nobody is told.
    pub(super) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }

    /// One packet in `n` is lost; 0 is none.
    pub(super) fn lose_one_in(&self, n: u64) {
        self.lose_one_in.store(n, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each address outside gets a socket of its own towards the controller.
async fn relay(outside: UdpSocket, controller: Arc<Mutex<SocketAddr>>, mut passes: Passes) {
    let outside = Arc::new(outside);
    let mut inside: Vec<(SocketAddr, Arc<UdpSocket>)> = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let (bytes, from) = outside.recv_from(&mut buffer).await.unwrap();
        let known = inside.iter().find(|(address, _)| *address == from).map(|(_, socket)| Arc::clone(socket));
        let socket = match known {
            Some(socket) => socket,
            None => {
                let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                let to = *controller.lock().unwrap();
                socket.connect(to).await.unwrap();
                tokio::spawn(back(Arc::clone(&outside), Arc::clone(&socket), from, passes.clone()));
                inside.push((from, Arc::clone(&socket)));
                socket
            }
        };
        if passes.next() {
            // A controller that is not there answers with an ICMP error; the packet is lost then.
            let _ = socket.send(&buffer[..bytes]).await;
        }
    }
}

async fn back(outside: Arc<UdpSocket>, inside: Arc<UdpSocket>, to: SocketAddr, mut passes: Passes) {
    let mut buffer = vec![0; 65_536];
    loop {
        match inside.recv(&mut buffer).await {
            Ok(bytes) if passes.next() => {
                let _ = outside.send_to(&buffer[..bytes], to).await;
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

#[derive(Clone)]
struct Passes {
    cut: Arc<AtomicBool>,
    lose_one_in: Arc<AtomicU64>,
    count: u64,
}

impl Passes {
    fn next(&mut self) -> bool {
        self.count += 1;
        let lost = match self.lose_one_in.load(Ordering::SeqCst) {
            0 => false,
            n => self.count.is_multiple_of(n),
        };
        !lost && !self.cut.load(Ordering::SeqCst)
    }
}
