//! All shares of a run: one in this process, or several workers by pipe. A worker ends when its parent is gone, and is
//! killed when the run is given up. What shares do is not known here.

use crate::engine::recorder::Recorder;
use crate::engine::share::{self, News, Order};
use crate::engine::stage::{Plan, Targets};
use crate::engine::tally::{Beat, Totals};
use crate::failure::Failure;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

struct Link {
    orders: mpsc::UnboundedSender<Order>,
    news: mpsc::UnboundedReceiver<News>,
    pid: u32,
    /// Held so that dropping it kills the worker.
    _worker: Option<Child>,
}

/// All shares of a run.
pub struct Crew {
    links: Vec<Link>,
}

impl Crew {
    /// Starts all shares of a plan.
    ///
    /// # Errors
    /// [`Failure::Io`].
    pub fn start(plan: &Plan) -> Result<Self, Failure> {
        let processes = u32::from(plan.settings.processes);
        let links = (0..processes).map(|share| {
            let plan = Plan {
                share,
                ..plan.clone()
            };
            if processes == 1 {
                Ok(here(plan))
            } else {
                worker(&plan)
            }
        });
        Ok(Self {
            links: links.collect::<Result<_, _>>()?,
        })
    }

    /// The processes of the load.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.links.iter().map(|it| it.pid).collect();
        if !pids.contains(&std::process::id()) {
            pids.push(std::process::id());
        }
        pids
    }

    fn order(&self, order: &Order) {
        for link in &self.links {
            // Who does not hear it has failed, which the next news tells.
            link.orders.send(order.clone()).ok();
        }
    }

    /// Waits until everybody is in.
    ///
    /// # Errors
    /// The first share's failure.
    pub async fn gathered(&mut self) -> Result<(), Failure> {
        for link in &mut self.links {
            loop {
                match next(link).await? {
                    News::Ready => break,
                    News::Failed(why) => return Err(Failure::Wrong(why)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Begins to work.
    pub fn work(&self, start_us: u64) {
        self.order(&Order::Work(start_us));
    }

    /// The next slice of time, of all shares together.
    ///
    /// # Errors
    /// The first share's failure.
    pub async fn beat(&mut self) -> Result<Beat, Failure> {
        let mut all = Beat::default();
        for link in &mut self.links {
            match next(link).await? {
                News::Beat(beat) => {
                    all.index = beat.index;
                    all.deliveries += beat.deliveries;
                    all.commands += beat.commands;
                    all.connected += beat.connected;
                    all.lags.extend(beat.lags);
                }
                News::Failed(why) => return Err(Failure::Wrong(why)),
                _ => return Err(Failure::wrong("a share tells what it was not asked")),
            }
        }
        Ok(all)
    }

    /// Begins nothing more; gives how many members still had something under way when patience ended.
    ///
    /// # Errors
    /// The first share's failure.
    pub async fn rest(&mut self) -> Result<usize, Failure> {
        self.order(&Order::Rest);
        self.left().await
    }

    /// Waits until everybody has these; gives how many never had.
    ///
    /// # Errors
    /// The first share's failure.
    pub async fn quiet(&mut self, targets: Targets) -> Result<usize, Failure> {
        self.order(&Order::Quiet(targets));
        self.left().await
    }

    async fn left(&mut self) -> Result<usize, Failure> {
        let mut all = 0;
        for link in &mut self.links {
            loop {
                match next(link).await? {
                    News::Rested(left) | News::Settled(left) => {
                        all += left;
                        break;
                    }
                    News::Failed(why) => return Err(Failure::Wrong(why)),
                    _ => {}
                }
            }
        }
        Ok(all)
    }

    /// Ends, and gives everything that was counted and recorded.
    ///
    /// # Errors
    /// The first share's failure.
    pub async fn end(mut self) -> Result<(Totals, Vec<Recorder>), Failure> {
        self.order(&Order::End);
        let (mut all, mut recorders) = (Totals::default(), Vec::new());
        for link in &mut self.links {
            loop {
                match next(link).await? {
                    News::Finished(totals, recorded) => {
                        all.merge(*totals);
                        recorders.extend(recorded);
                        break;
                    }
                    News::Failed(why) => return Err(Failure::Wrong(why)),
                    _ => {}
                }
            }
        }
        Ok((all, recorders))
    }
}

async fn next(link: &mut Link) -> Result<News, Failure> {
    let gone = || Failure::wrong("a process of the load ended before its time");
    link.news.recv().await.ok_or_else(gone)
}

fn here(plan: Plan) -> Link {
    let (orders, ordered) = mpsc::unbounded_channel();
    let (teller, news) = mpsc::unbounded_channel();
    tokio::task::spawn_local(async move {
        if let Err(failure) = share::run(plan, ordered, teller.clone()).await {
            teller.send(News::Failed(failure.to_string())).ok();
        }
    });
    Link {
        orders,
        news,
        pid: std::process::id(),
        _worker: None,
    }
}

fn worker(plan: &Plan) -> Result<Link, Failure> {
    let myself = std::env::current_exe().map_err(Failure::io("cannot find this program"))?;
    let mut child = Command::new(myself)
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::io("cannot start a process of the load"))?;
    let pid = child.id().unwrap_or_default();
    let (orders, mut ordered) = mpsc::unbounded_channel::<Order>();
    let (teller, news) = mpsc::unbounded_channel();
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::wrong("a process of the load has no pipes"));
    };
    let first = line(plan)?;
    tokio::task::spawn_local(async move {
        let mut text = first;
        // A worker that does not read has ended, which its news tell.
        while input.write_all(text.as_bytes()).await.is_ok() {
            let Some(order) = ordered.recv().await else { break };
            let Ok(next) = line(&order) else { break };
            text = next;
        }
    });
    tokio::task::spawn_local(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(text)) = lines.next_line().await {
            let news = serde_json::from_str(&text).unwrap_or_else(|error| {
                News::Failed(format!("a process of the load says what cannot be read: {error}"))
            });
            if teller.send(news).is_err() {
                break;
            }
        }
    });
    Ok(Link {
        orders,
        news,
        pid,
        _worker: Some(child),
    })
}

fn line(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::wrong(error.to_string()))?;
    Ok(text + "\n")
}

/// The life of a worker: a plan and then orders come by stdin, news go to stdout. It ends with its parent.
///
/// # Errors
/// [`Failure`].
pub async fn work() -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let first = lines
        .next_line()
        .await
        .map_err(Failure::io("cannot read the plan"))?;
    let wrong = |error: serde_json::Error| Failure::wrong(format!("the plan cannot be read: {error}"));
    let plan: Plan = serde_json::from_str(&first.unwrap_or_default()).map_err(wrong)?;
    let (orders, ordered) = mpsc::unbounded_channel();
    let (teller, mut news) = mpsc::unbounded_channel();
    tokio::task::spawn_local(async move {
        while let Ok(Some(text)) = lines.next_line().await {
            let Ok(order) = serde_json::from_str(&text) else {
                break;
            };
            if orders.send(order).is_err() {
                break;
            }
        }
    });
    let ended = share::run(plan, ordered, teller.clone());
    let telling = async {
        while let Some(news) = news.recv().await {
            tell(&news)?;
        }
        Ok(())
    };
    let working = async {
        if let Err(failure) = ended.await {
            teller.send(News::Failed(failure.to_string())).ok();
        }
        drop(teller);
    };
    let ((), told) = tokio::join!(working, telling);
    told
}

fn tell(news: &News) -> Result<(), Failure> {
    use std::io::Write;
    let text = line(news)?;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(Failure::io("cannot tell the parent"))
}
