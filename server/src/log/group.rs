//! stub
use super::*;
/// stub
#[derive(Clone)]
pub struct GroupCommit;
impl GroupCommit {
    /// stub
    pub fn submit(
        &self,
        _items: Vec<Item>,
    ) -> tokio::sync::oneshot::Receiver<Result<Vec<Outcome>, LogError>> {
        unreachable!()
    }
}
