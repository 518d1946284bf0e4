//! temp
use super::{Bus, Heard};
use bytes::Bytes;
use dibs_protocol::ids::WorkspaceId;
use tokio::sync::mpsc;
/// temp
#[derive(Default)]
pub struct LocalBus;
impl LocalBus {
    /// temp
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}
impl Bus for LocalBus {
    fn publish(&self, _: &WorkspaceId, _: Bytes) {}
    fn subscribe(&self, _: &WorkspaceId) -> mpsc::Receiver<Heard> {
        mpsc::channel(1).1
    }
    fn trouble(&self) -> Option<String> {
        None
    }
}
