//! A line over TCP that can be cut, held and led elsewhere: a proxy on a free port. It knows nothing of what goes through it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What the line does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It carries.
    Open,
    /// It carries nothing, and says nothing of it: bytes wait.
    Held,
    /// Who dials is refused.
    Cut,
    /// It is gone.
    Over,
}

#[derive(Debug)]
struct Shared {
    /// The port where it leads.
    to: AtomicU16,
    state: Mutex<(State, Vec<TcpStream>)>,
    changed: Condvar,
}

impl Shared {
    /// Waits while the line is held; whether it carries then.
    fn carries(&self) -> bool {
        let held = self.state.lock().unwrap();
        let now = self
            .changed
            .wait_while(held, |(state, _)| *state == State::Held)
            .unwrap();
        now.0 == State::Open
    }

    fn set(&self, state: State) {
        let mut now = self.state.lock().unwrap();
        now.0 = state;
        if matches!(state, State::Cut | State::Over) {
            for stream in now.1.drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
        self.changed.notify_all();
    }
}

/// A line. Dropping it cuts it.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Line {
    /// A line to a port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: AtomicU16::new(port),
            state: Mutex::new((State::Open, Vec::new())),
            changed: Condvar::new(),
        });
        let line = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = line.state.lock().unwrap().0;
                match state {
                    State::Over => return,
                    State::Cut => continue,
                    State::Open | State::Held => {}
                }
                let line = Arc::clone(&line);
                thread::spawn(move || join(&line, client));
            }
        });
        Self { address, shared }
    }

    /// Where to dial.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Leads who dials from now on to another port of 127.0.0.1, as an address that moves to another machine does.
    pub fn lead_to(&self, port: u16) {
        self.shared.to.store(port, Ordering::Relaxed);
    }

    /// Ends all connections, and refuses new ones.
    pub fn cut(&self) {
        self.shared.set(State::Cut);
    }

    /// Carries nothing, and says nothing of it.
    pub fn hold(&self) {
        self.shared.set(State::Held);
    }

    /// Carries again; what waited arrives.
    pub fn mend(&self) {
        self.shared.set(State::Open);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.set(State::Over);
        // Wakes who accepts.
        TcpStream::connect(self.address).ok();
    }
}

fn join(line: &Arc<Shared>, client: TcpStream) {
    if !line.carries() {
        return;
    }
    let port = line.to.load(Ordering::Relaxed);
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    let (Ok(client_end), Ok(server_end)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let both = [client.try_clone(), server.try_clone()];
    line.state.lock().unwrap().1.extend(both.into_iter().flatten());
    let back = Arc::clone(line);
    let down = thread::spawn(move || carry(&back, server_end, client_end));
    carry(line, client, server);
    down.join().ok();
}

/// Carries one direction until either end is gone.
fn carry(line: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || !line.carries() || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
