//! Listings that come in pages, as streams.

use std::collections::{BTreeSet, VecDeque};

use autotrader_domain::ports::FeedError;
use futures_util::stream::{Stream, TryStreamExt as _, try_unfold};
use serde::de::DeserializeOwned;

use crate::KalshiClient;
use crate::parse::decode::{decode, schema};
use crate::question::Question;
use crate::wire::Page;

/// Pages of one listing before it is called endless. With 1 000 items a page this is beyond any real listing here.
const MAX_PAGES: usize = 500;

/// How far a listing has been read.
struct Progress<I> {
    /// The first is being asked; it leaves when its last page has come.
    questions: VecDeque<Question>,
    /// Items of the last page that were not asked for yet.
    ready: VecDeque<I>,
    keys: BTreeSet<String>,
    /// Of the question being asked.
    cursor: String,
    cursors: BTreeSet<String>,
    pages: usize,
}

impl<I> Progress<I> {
    fn new(questions: impl IntoIterator<Item = Question>) -> Self {
        Self {
            questions: questions.into_iter().collect(),
            ready: VecDeque::new(),
            keys: BTreeSet::new(),
            cursor: String::new(),
            cursors: BTreeSet::new(),
            pages: 0,
        }
    }

    /// Takes one page in. A cursor that the exchange does not know silently gives the first page again, so a repeated cursor
    /// and a page that brings nothing new are both failures.
    fn take<P>(&mut self, question: Question, body: &[u8]) -> Result<(), FeedError>
    where
        P: Page<Item = I> + DeserializeOwned,
    {
        let (items, next) = decode::<P>("$", body)?.split()?;
        let given = items.len();
        let fresh = items.into_iter().filter(|item| self.keys.insert(P::key(item)));
        self.ready.extend(fresh);
        if next.is_empty() {
            self.cursor.clear();
            self.cursors.clear();
            self.pages = 0;
            return Ok(());
        }
        let nothing_new = given > 0 && self.ready.is_empty();
        if nothing_new || !self.cursors.insert(next.clone()) {
            return Err(FeedError::Transient(format!(
                "the listing of {} went round in circles after {} items",
                question.path(),
                self.keys.len()
            )));
        }
        self.pages += 1;
        if self.pages >= MAX_PAGES {
            return Err(schema("$.cursor", &format!("more than {MAX_PAGES} pages")));
        }
        self.cursor = next;
        self.questions.push_front(question);
        Ok(())
    }
}

impl KalshiClient {
    /// Every item of a listing, in the order given, each once: the next page is asked for when the last item before it was
    /// taken. An item that slid to the next page between two requests is given once. The first error ends the stream.
    ///
    /// Several questions are one listing after the other. Cancellation-safe: dropping the stream, or a call for its next
    /// item, asks no further question.
    pub(crate) fn pages<P>(
        &self,
        questions: impl IntoIterator<Item = Question>,
    ) -> impl Stream<Item = Result<P::Item, FeedError>> + Send
    where
        P: Page + DeserializeOwned,
    {
        try_unfold(Progress::new(questions), async move |mut progress| {
            loop {
                if let Some(item) = progress.ready.pop_front() {
                    return Ok(Some((item, progress)));
                }
                let Some(question) = progress.questions.pop_front() else {
                    return Ok(None);
                };
                let body = self.ask_from(&question, &progress.cursor).await?;
                progress.take::<P>(question, &body)?;
            }
        })
    }

    /// The whole listing; complete or failed.
    pub(crate) async fn list<P>(&self, question: Question) -> Result<Vec<P::Item>, FeedError>
    where
        P: Page + DeserializeOwned,
    {
        self.pages::<P>([question]).try_collect().await
    }
}
