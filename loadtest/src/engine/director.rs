//! A run from the first conversation to the report: the phases in order, the course over time, the figures.

use crate::descriptors;
use crate::detail::{Calls, Course, Detail};
use crate::engine::clock;
use crate::engine::crew::Crew;
use crate::engine::customers::message;
use crate::engine::judge;
use crate::engine::recorder::Recorder;
use crate::engine::settings::{Headline, Settings, Work};
use crate::engine::stage::Plan;
use crate::engine::tally::{Beat, Count, Lag, Totals};
use crate::failure::Failure;
use crate::fleet::figure;
use crate::hub::Hub;
use crate::limits;
use crate::measure::{Latencies, Usage, usage};
use crate::options::Shared;
use crate::oracle::witness::Witness;
use crate::progress::Progress;
use crate::report::Report;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How many conversations are opened at a time.
const OPENING: usize = 128;
/// How long after the last order everybody begins, so that all processes have heard it.
const HEAD_START: Duration = Duration::from_millis(200);
/// Percentiles that a report shows, in percent.
const PERCENTILES: [f64; 14] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999, 100.0,
];

/// Runs a scenario once.
///
/// # Errors
/// [`Failure`]. What the oracle finds is in the report.
pub async fn run(name: &str, settings: &Settings, shared: &Shared) -> Result<Report, Failure> {
    settings.check().map_err(Failure::Usage)?;
    descriptors::check(settings, shared.server.is_some(), descriptors::raise())?;
    let hub = Hub::open(shared).await?;
    let alone = hub.server().is_some();
    Run::new(settings, &hub, alone)
        .whole(name, !shared.no_oracle, None)
        .await
}

/// What happens to the hub while it is under load.
pub type Beside<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// Runs a scenario against a hub that nobody else uses, while something happens to it. Everybody tries again who is
/// refused or cut off meanwhile.
///
/// # Errors
/// [`Failure`]. What the oracle finds is in the report.
pub async fn run_beside(
    name: &str,
    settings: &Settings,
    hub: &Hub,
    beside: Beside<'_>,
) -> Result<Report, Failure> {
    settings.check().map_err(Failure::Usage)?;
    Run::new(settings, hub, true)
        .whole(name, true, Some(beside))
        .await
}

struct Run<'a> {
    settings: &'a Settings,
    hub: &'a Hub,
    /// Whether nobody else uses the workspace.
    alone: bool,
    progress: Progress,
    course: Course,
    highest_rss: Option<f64>,
    witnesses: Vec<Witness>,
}

/// What both sides had used at a moment.
#[derive(Clone)]
struct Mark {
    at: Instant,
    hub: Option<Usage>,
    load: f64,
}

impl<'a> Run<'a> {
    fn new(settings: &'a Settings, hub: &'a Hub, alone: bool) -> Self {
        Self {
            settings,
            hub,
            alone,
            progress: Progress::default(),
            course: Course::default(),
            highest_rss: None,
            witnesses: Vec::new(),
        }
    }

    async fn whole(
        &mut self,
        name: &str,
        oracle: bool,
        beside: Option<Beside<'_>>,
    ) -> Result<Report, Failure> {
        let settings = self.settings;
        let mut plan = self.plan(name, oracle).await?;
        plan.faults = beside.is_some();
        // The first hello loads the workspace, which is no session's cost.
        let observer = self.hub.agent("observer", 0).await?;
        let mut recorder = Recorder::new("observer", self.hub.workspace(), oracle, false);
        recorder.came_in(observer.welcome());
        self.witnesses.extend(recorder.into_witness());
        observer.close().await;
        let alone = self.hub.usage();
        self.progress.step(&format!("{} agents come in", settings.agents));
        let coming = self.mark(&[std::process::id()]);
        let mut crew = Crew::start(&plan)?;
        crew.gathered().await?;
        let came = self.mark(&[std::process::id()]);
        let happens = async {
            match beside {
                Some(beside) => beside.await,
                None => Ok(()),
            }
        };
        let ((begun, ended), ()) = tokio::try_join!(self.work(&mut crew, &plan), happens)?;
        let left_over = crew.rest().await?;
        let rested = self.mark(&crew.pids());
        let unsettled = if oracle {
            self.progress.step("waiting until everybody has everything");
            crew.quiet(judge::targets(self.hub, settings.list).await?).await?
        } else {
            0
        };
        let (totals, witnesses) = crew.end().await?;
        self.witnesses.extend(witnesses);
        let mut report = Report::default();
        self.figures(&totals, &begun, &ended, &rested, &mut report)?;
        report.figure(
            "come in",
            f64::from(settings.agents) / (came.at - coming.at).as_secs_f64(),
            "sessions/s",
        );
        if let (Some(alone), Some(end)) = (alone, self.hub.usage()) {
            report.figure(
                "hub RSS per session",
                (end.rss_kib - alone.rss_kib) / f64::from(settings.agents),
                "KiB",
            );
        }
        if let (Some(before), Some(after)) = (coming.hub, came.hub) {
            let each = (after.cpu_s - before.cpu_s) * 1e6 / f64::from(settings.agents);
            report.figure("hub CPU per session that comes in", each, "µs");
        }
        let mut troubles = totals.troubles.clone();
        for (count, what) in [
            (left_over, "had a command without an answer"),
            (unsettled, "never had everything"),
        ] {
            if count > 0 {
                troubles.push(format!("{count} session(s) {what} a minute after the end"));
            }
        }
        let more = totals.trouble_count + u64::from(left_over > 0) + u64::from(unsettled > 0);
        self.judged(oracle, troubles, more, &mut report, &totals).await?;
        Ok(report)
    }

    /// The oracle's verdict, what sessions complained of, and everything that is no figure.
    async fn judged(
        &mut self,
        oracle: bool,
        troubles: Vec<String>,
        trouble_count: u64,
        report: &mut Report,
        totals: &Totals,
    ) -> Result<(), Failure> {
        let (mut verdict, mut calls) = (None, Calls::default());
        if oracle {
            self.progress.step("the oracle reads");
            let witnesses = std::mem::take(&mut self.witnesses);
            calls = judge::calls(&witnesses);
            verdict = Some(judge::verdict(self.hub, witnesses, self.alone).await?);
        }
        if trouble_count > 0 {
            let verdict = verdict.get_or_insert_default();
            verdict.fault_count += trouble_count;
            verdict.faults.splice(0..0, troubles);
        }
        report.figure(
            limits::FAULTS,
            figure(verdict.as_ref().map_or(0, |it| it.fault_count)),
            "",
        );
        let mut detail = Detail {
            headline: Lag::from(self.settings.headline()).name().to_owned(),
            settings: serde_json::to_value(self.settings).unwrap_or_default(),
            course: std::mem::take(&mut self.course),
            verdict,
            calls,
            ..Detail::default()
        };
        for lag in Lag::ALL {
            let all = totals.latencies(*lag)?;
            if all.count() > 0 {
                let curve = PERCENTILES.iter().map(|it| (*it, all.ms(it / 100.0)));
                detail.percentiles.insert(lag.name().to_owned(), curve.collect());
            }
        }
        report.detail = Some(Box::new(detail));
        Ok(())
    }

    /// Opens the conversations, and makes the plan that all shares get.
    async fn plan(&mut self, name: &str, oracle: bool) -> Result<Plan, Failure> {
        let settings = self.settings;
        let run = Uuid::new_v4().simple().to_string()[..8].to_owned();
        self.progress
            .step(&format!("{name}: {} conversations open", settings.conversations));
        let recorder = RefCell::new(Recorder::new(
            "first messages",
            self.hub.workspace(),
            oracle,
            false,
        ));
        let http = self.hub.http("adapter", Role::Channel)?;
        let (recorder, http, run) = (&recorder, &http, run.as_str());
        let open = |customer: usize| async move {
            let text = format!("Hello, my order {customer} has not arrived. What can you do?");
            let message = message(run, format!("first-{run}-{customer}"), customer, text)?;
            let call = recorder.borrow_mut().ingest(&message);
            let answer = http.ingest(&message).await;
            recorder.borrow_mut().ingested(call, &answer);
            Ok::<_, Failure>(answer?.1.conversation)
        };
        let conversations: Vec<ConversationId> = stream::iter(0..settings.conversations as usize)
            .map(open)
            .buffered(OPENING)
            .try_collect()
            .await?;
        self.witnesses.extend(
            recorder
                .replace(Recorder::new("", "", false, false))
                .into_witness(),
        );
        let slice = (settings.duration.0 / 100).clamp(Duration::from_millis(250), Duration::from_secs(10));
        Ok(Plan {
            scenario: name.to_owned(),
            settings: settings.clone(),
            bases: self.hub.bases().to_vec(),
            workspace: self.hub.workspace().to_owned(),
            secret: self.hub.secret().to_owned(),
            run: run.to_owned(),
            conversations,
            oracle,
            share: 0,
            slice_ms: u64::try_from(slice.as_millis()).unwrap_or(250),
            faults: false,
        })
    }

    fn mark(&self, pids: &[u32]) -> Mark {
        let load = pids.iter().filter_map(|pid| usage(*pid)).map(|it| it.cpu_s).sum();
        Mark {
            at: Instant::now(),
            hub: self.hub.usage(),
            load,
        }
    }

    /// The work, slice by slice; gives what both sides had used before and after.
    async fn work(&mut self, crew: &mut Crew, plan: &Plan) -> Result<(Mark, Mark), Failure> {
        let pids = crew.pids();
        let seconds = self.settings.duration.0.as_secs_f64();
        self.progress
            .step(&format!("working for {}", self.settings.duration));
        let start_us = clock::now_us() + u64::try_from(HEAD_START.as_micros()).unwrap_or_default();
        crew.work(start_us);
        let begun = self.mark(&pids);
        let mut marks = VecDeque::from([begun.clone()]);
        let slice_s = plan.slice_ms as f64 / 1_000.0;
        let slices = (self.settings.duration.0.as_millis() / u128::from(plan.slice_ms)).max(1);
        for _ in 0..slices {
            let beat = crew.beat().await?;
            let now = self.mark(&pids);
            // CPU is counted in hundredths of a second: over less than a second it would be mere noise.
            while marks.len() > 1 && now.at - marks[1].at >= Duration::from_secs(1) {
                marks.pop_front();
            }
            self.slice(&beat, slice_s, &marks[0], &now)?;
            marks.push_back(now);
        }
        tokio::time::sleep_until(clock::instant(start_us + clock::micros(seconds))).await;
        Ok((begun, self.mark(&pids)))
    }

    /// Takes note of a slice, and tells of it.
    fn slice(&mut self, beat: &Beat, slice_s: f64, before: &Mark, now: &Mark) -> Result<(), Failure> {
        let mut lags = Latencies::new()?;
        lags.note_sparse(&beat.lags);
        let ms = |quantile| (lags.count() > 0).then(|| lags.ms(quantile));
        let seconds = (beat.index + 1) as f64 * slice_s;
        let cpu = before
            .hub
            .zip(now.hub)
            .map(|(before, after)| after.cpu_s - before.cpu_s);
        let cpu = cpu.map(|cpu| 100.0 * cpu / (now.at - before.at).as_secs_f64().max(0.001));
        let rss = now.hub.map(|it| it.rss_kib / 1_024.0);
        self.highest_rss = rss
            .map(|rss| rss.max(self.highest_rss.unwrap_or_default()))
            .or(self.highest_rss);
        let course = &mut self.course;
        course.seconds.push(seconds);
        course.deliveries.push(figure(beat.deliveries) / slice_s);
        course.commands.push(figure(beat.commands) / slice_s);
        course.connected.push(figure(beat.connected));
        course.p50_ms.push(ms(0.5));
        course.p99_ms.push(ms(0.99));
        course.max_ms.push(ms(1.0));
        course.hub_cpu.push(cpu);
        course.hub_rss.push(rss);
        let text =
            |value: Option<f64>, unit: &str| value.map_or("–".to_owned(), |it| format!("{it:.1} {unit}"));
        self.progress.line(&format!(
            "{seconds:>6.1} of {}   {} connected   {:.0} deliveries/s   {:.0} commands/s   p50 {}   p99 {}   hub {}, {}",
            self.settings.duration,
            beat.connected,
            figure(beat.deliveries) / slice_s,
            figure(beat.commands) / slice_s,
            text(ms(0.5), "ms"),
            text(ms(0.99), "ms"),
            text(cpu, "% CPU"),
            text(rss, "MiB"),
        ));
        Ok(())
    }

    fn figures(
        &self,
        totals: &Totals,
        begun: &Mark,
        ended: &Mark,
        rested: &Mark,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let seconds = (ended.at - begun.at).as_secs_f64();
        let headline = self.settings.headline();
        let main = totals.latencies(headline.into())?;
        if main.count() > 0 {
            report.figure(limits::P50, main.ms(0.5), "ms");
            report.figure(limits::P99, main.ms(0.99), "ms");
        }
        let deliveries = figure(totals.deliveries()) / seconds;
        let commands = figure(totals.commands()) / seconds;
        let rate = if headline == Headline::Command {
            commands
        } else {
            deliveries
        };
        report.figure(limits::RATE, rate, "/s");
        report.figure("deliveries", deliveries, "/s");
        report.figure("commands", commands, "/s");
        for lag in Lag::ALL {
            let all = totals.latencies(*lag)?;
            if all.count() > 0 {
                all.report(lag.name(), report);
            }
        }
        self.corrected(totals, report)?;
        for count in Count::ALL.iter().filter(|it| totals.of(**it) > 0) {
            report.figure(count.name(), figure(totals.of(*count)), "");
        }
        if let (Some(before), Some(after)) = (begun.hub, rested.hub) {
            let cpu = after.cpu_s - before.cpu_s;
            let busy = (rested.at - begun.at).as_secs_f64();
            report.figure("hub CPU", 100.0 * cpu / busy, "%");
            if totals.deliveries() > 0 {
                report.figure(limits::CPU, cpu * 1e6 / figure(totals.deliveries()), "s");
            }
            report.figure("hub RSS, at the end", after.rss_kib / 1_024.0, "MiB");
        }
        report.figure_if(limits::RSS, self.highest_rss, "MiB");
        report.figure_if("hub RSS growth, second half", self.growth(), "MiB/h");
        report.figure(
            "load CPU",
            100.0 * (rested.load - begun.load) / (rested.at - begun.at).as_secs_f64(),
            "%",
        );
        Ok(())
    }

    /// In a closed loop, a stall keeps back what would have been asked meanwhile: it is made up for.
    fn corrected(&self, totals: &Totals, report: &mut Report) -> Result<(), Failure> {
        if self.settings.rate > 0.0 || !matches!(self.settings.work, Work::Notes | Work::Updates) {
            return Ok(());
        }
        let closed = totals.latencies(Lag::Command)?;
        if closed.count() > 0 {
            let usual = Duration::from_secs_f64(closed.ms(0.5) / 1_000.0);
            closed
                .corrected(usual)
                .report("command, corrected for coordinated omission", report);
        }
        Ok(())
    }

    /// How fast the hub's memory grows in the second half, by least squares; nothing for short runs.
    fn growth(&self) -> Option<f64> {
        let half = self.course.seconds.len() / 2;
        let points: Vec<(f64, f64)> = self.course.seconds[half..]
            .iter()
            .zip(&self.course.hub_rss[half..])
            .filter_map(|(at, rss)| Some((*at / 3_600.0, (*rss)?)))
            .collect();
        if points.len() < 10 {
            return None;
        }
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|it| it.0), mean(|it| it.1));
        let over: f64 = points.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
        let under: f64 = points.iter().map(|it| (it.0 - x).powi(2)).sum();
        Some(over / under)
    }
}
