//! Marlstone SDK for Rust, for version 3 of the HTTP API.
//!
//! The crate is synchronous. It does not bring an HTTP implementation of its own:
//! a [`Transport`] sends the requests, and the crate `marlstone-http` provides one
//! that reads `MARL_APPLIANCE`, `MARL_TOKEN_FILE` and `MARL_CA_FILE`.
//!
//! ```ignore
//! use marlstone::{Client, SnapshotFilter};
//! use marlstone_http::HttpTransport;
//!
//! let client = Client::with_transport(HttpTransport::from_env()?);
//! for snapshot in client.snapshots(&SnapshotFilter::new().host("db01.example.net")) {
//!     println!("{}", snapshot?.id);
//! }
//! # Ok::<(), marlstone::Error>(())
//! ```

use std::collections::VecDeque;
use std::fmt;

pub mod retry;

/// Port of the API and the console.
pub const DEFAULT_PORT: u16 = 7443;

/// Largest page that the appliance returns.
pub const PAGE_SIZE: usize = 500;

/// An error of the SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The appliance has answered with a code, for example `MRL-3006`.
    Appliance { status: u16, code: String, detail: String },
    /// A second administrator has to confirm (`MRL-4011`).
    ApprovalRequired { approval: String },
    /// The request could not be sent.
    Transport(String),
    /// A variable of the environment is missing.
    Environment(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Appliance { status, code, detail } => write!(f, "{code} (status {status}): {detail}"),
            Error::ApprovalRequired { approval } => write!(f, "approval {approval} is needed"),
            Error::Transport(reason) => write!(f, "cannot reach the appliance: {reason}"),
            Error::Environment(name) => write!(f, "the variable {name} is not set"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// Says whether the same request may be successful later without any change.
    ///
    /// This follows the column *Retry* of the error code reference for codes that the
    /// API returns. A locked vault counts as temporary, a missing scope does not.
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Appliance { code, .. } => matches!(
                code.as_str(),
                "MRL-1003" | "MRL-2001" | "MRL-2005" | "MRL-2007" | "MRL-2013" | "MRL-3012" | "MRL-4010"
            ),
            Error::Transport(_) => true,
            Error::ApprovalRequired { .. } | Error::Environment(_) => false,
        }
    }
}

/// A snapshot, with the fields that most programs need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub id: String,
    pub host: String,
    pub taken_at: String,
    pub size_bytes: u64,
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub items: Vec<Snapshot>,
    pub next_cursor: Option<String>,
}

/// A restore that has not been started yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreRequest {
    pub snapshot: String,
    pub paths: Vec<String>,
    pub destination_host: String,
    pub destination_path: String,
    pub idempotency_key: Option<String>,
}

impl RestoreRequest {
    /// Sets the header `Idempotency-Key`. Without it a failed request is not repeated.
    ///
    /// The appliance remembers a key for 24 hours. Use a value that belongs to the
    /// task, for example the number of a ticket, and not a random number: then a
    /// program that was started twice by mistake restores only once.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }
}

/// Sends requests. Implement it to use another HTTP library or to test without an appliance.
pub trait Transport {
    /// Fetches one page of snapshots.
    fn snapshots(&self, query: &[(String, String)]) -> Result<Page, Error>;
}

/// Filter for [`Client::snapshots`].
#[derive(Debug, Clone, Default)]
pub struct SnapshotFilter {
    query: Vec<(String, String)>,
}

impl SnapshotFilter {
    /// A filter that matches every active snapshot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Restricts the list to one host. The name must match exactly; stars are not supported.
    pub fn host(mut self, host: &str) -> Self {
        self.query.push(("host".to_owned(), host.to_owned()));
        self
    }

    /// Adds a state. Without a call only active snapshots are returned.
    pub fn state(mut self, state: &str) -> Self {
        self.query.push(("state".to_owned(), state.to_owned()));
        self
    }
}

/// Connection to one appliance.
pub struct Client<T: Transport> {
    transport: T,
}

impl<T: Transport> Client<T> {
    /// Creates a client with a transport of your own.
    pub fn with_transport(transport: T) -> Self {
        Self { transport }
    }

    /// Lists snapshots, newest first. Pages are fetched when they are needed.
    ///
    /// The iterator ends after the first error. Unlike the Python SDK it does not lose
    /// items when the cursor has expired: it yields the error once, and the caller can
    /// start again with the moment of the last item as `until`.
    pub fn snapshots<'a>(&'a self, filter: &SnapshotFilter) -> Snapshots<'a, T> {
        Snapshots {
            client: self,
            query: filter.query.clone(),
            buffer: VecDeque::new(),
            cursor: None,
            finished: false,
        }
    }
}

/// Iterator over snapshots.
pub struct Snapshots<'a, T: Transport> {
    client: &'a Client<T>,
    query: Vec<(String, String)>,
    buffer: VecDeque<Snapshot>,
    cursor: Option<String>,
    finished: bool,
}

impl<T: Transport> Iterator for Snapshots<'_, T> {
    type Item = Result<Snapshot, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.buffer.is_empty() {
            if self.finished {
                return None;
            }
            let mut query = self.query.clone();
            query.push(("limit".to_owned(), PAGE_SIZE.to_string()));
            if let Some(cursor) = self.cursor.take() {
                query.push(("cursor".to_owned(), cursor));
            }
            match retry::with_retries(|| self.client.transport.snapshots(&query)) {
                Ok(page) => {
                    self.buffer.extend(page.items);
                    self.finished = page.next_cursor.is_none();
                    self.cursor = page.next_cursor;
                }
                Err(error) => {
                    self.finished = true;
                    return Some(Err(error));
                }
            }
        }
        self.buffer.pop_front().map(Ok)
    }
}
