//! The list of meters. A new one is a file with its [`Meter`], its [`Total`] and its [`ResultSection`], and a line
//! here: it then hears every run, pools, stands in the result and is known to studies.

use serde::Serialize;

use super::client::{
    AttemptCounts, AttemptsMeter, ClientWait, ClientWaitMeter, Latencies, LatencyMeter, Recovery, RecoveryMeter,
    Requests, RequestsMeter, Throughput, ThroughputMeter,
};
use super::cost_numbers::CostNumbers;
use super::line::Line;
use super::meter::{Durations, HeardEvent, Meter, ResultSection, ServedRequest, StartOfSteps, Total, WholeRun};
use super::named_number::NamedNumber;
use super::path::{PathMeter, PathSummary};
use super::recorder_settings::RecorderSettings;
use super::server::{
    Constraint, ConstraintMeter, DraftsMeter, GpuMeter, GpuSummary, KvMeter, KvSummary, OffloadMeter, OffloadSummary,
    QueueMeter, QueueSummary, Saturation, SaturationMeter, SpeculativeSummary, StepShares, StepSharesMeter, Waves,
    WavesMeter,
};
use super::slo::ClassResult;
use super::steady_state::{SteadyState, SteadyStateMeter};
use crate::engine::{StepRun, Streamed};
use crate::policy::Moved;
use crate::workload::Request;

/// Makes, of groups of meters, a struct for each group that passes everything on, one for what a group heard, and the
/// [`Summary`] with a section of each meter. All calls are direct, so that an engine and its listeners are compiled
/// into one.
macro_rules! meters {
    ($(
        $(#[$about_group:meta])*
        $group:ident: $Meters:ident, $Totals:ident {
            $( $(#[$about:meta])* $name:ident: $Meter:ty => $Section:ty, )+
        }
    )+) => {
        $(
            $(#[$about_group])*
            pub(super) struct $Meters {
                $( pub(super) $name: $Meter, )+
            }

            /// What such meters heard, in one run or in several pooled.
            #[derive(Clone, Debug)]
            pub(super) struct $Totals {
                $( pub(super) $name: <$Meter as Meter>::Total, )+
            }

            impl $Meters {
                pub(super) fn new(settings: &RecorderSettings<'_>) -> Self {
                    Self { $( $name: Meter::new(settings), )+ }
                }

                #[inline(always)]
                pub(super) fn sent(&mut self, request: &Request) {
                    $( self.$name.sent(request); )+
                }

                #[inline(always)]
                pub(super) fn on(&mut self, heard: &HeardEvent<'_>) {
                    $( self.$name.on(heard); )+
                }

                #[inline(always)]
                pub(super) fn finished(&mut self, request: &ServedRequest<'_>) {
                    $( self.$name.finished(request); )+
                }

                #[inline(always)]
                pub(super) fn streamed(&mut self, tokens: &Streamed, segment: usize) {
                    $( self.$name.streamed(tokens, segment); )+
                }

                #[inline(always)]
                pub(super) fn ran(&mut self, run: &StepRun<'_>, at_start: StartOfSteps) {
                    $( self.$name.ran(run, at_start); )+
                }

                pub(super) fn moved(&mut self, moved: &Moved) {
                    $( self.$name.moved(moved); )+
                }

                pub(super) fn finish(self, run: &WholeRun) -> $Totals {
                    $Totals { $( $name: self.$name.finish(run), )+ }
                }
            }

            impl $Totals {
                pub(super) fn pool(&mut self, other: &Self) {
                    $( self.$name.pool(&other.$name); )+
                }
            }
        )+

        /// What a run, or several pooled, were like: the sections of the JSON result in their order, but for those that
        /// stand elsewhere in it.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        pub struct Summary {
            $($( $(#[$about])* pub $name: $Section, )+)+
            /// Whether it is good enough; `None` if that cannot be told, or nothing was asked.
            #[serde(skip)]
            pub is_met: Option<bool>,
            /// What it costs; `None` if nobody asked, or nothing was answered. The report of a run has it with all that
            /// it comes from.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cost: Option<CostNumbers>,
            /// How the objective of a class of traffic fared that fared worst; `None` if there is none, and no class
            /// was served too little.
            #[serde(skip)]
            pub of_classes: Option<ClassResult>,
        }

        impl Summary {
            /// The sections, each from what its own meter heard.
            pub(super) fn of_totals($( $group: &$Totals, )+ durations: &Durations) -> Self {
                Self {
                    $($( $name: $group.$name.section(durations), )+)+
                    is_met: None,
                    cost: None,
                    of_classes: None,
                }
            }

            /// What the screen says of each section by itself.
            pub fn lines(&self) -> Vec<Line> {
                let sections = [$($( self.$name.lines(), )+)+];
                sections.into_iter().flatten().collect()
            }

            /// Every number that studies can name, section by section.
            pub(super) fn named_numbers() -> Vec<NamedNumber<Self>> {
                let mut all = Vec::new();
                $($(
                    let own = <$Section>::named_numbers().into_iter();
                    all.extend(own.map(|it| it.within(|all: &Self| &all.$name)));
                )+)+
                all
            }
        }
    };
}

meters! {
    /// Meters of what clients feel; a fleet has a set of them for each class of clients.
    client: ClientMeters, ClientTotals {
        /// How many requests came, and how they ended.
        requests: RequestsMeter => Requests,
        /// How long clients waited.
        latency: LatencyMeter => Latencies,
        /// How much was served in a second.
        throughput: ThroughputMeter => Throughput,
        /// How long requests waited with their clients before they were sent; `None` if all were sent when they were
        /// due.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_wait: ClientWaitMeter => Option<ClientWait>,
        /// How often requests were sent, and what became of those attempts. They stand with the fleet in the result.
        #[serde(skip)]
        attempts: AttemptsMeter => AttemptCounts,
        /// How a fleet stood failures. It stands with the fleet in the result.
        #[serde(skip)]
        recovery: RecoveryMeter => Recovery,
        /// How the paths of requests ended; `None` without a path. It stands by itself in the result of a run.
        #[serde(skip)]
        path: PathMeter => Option<PathSummary>,
    }

    /// Meters of what a server does; a fleet has a set of them for each server.
    server: ServerMeters, ServerTotals {
        /// How many requests waited and ran.
        queue: QueueMeter => QueueSummary,
        /// How full the KV cache was, and what was found in it.
        kv: KvMeter => KvSummary,
        /// How busy the GPUs were.
        gpu: GpuMeter => GpuSummary,
        /// Where the time of steps went; `None` where it is given as it is. It stands by itself in the result of a run.
        #[serde(skip)]
        step_time: StepSharesMeter => Option<StepShares>,
        /// What of the run latencies, throughput and queue leave out.
        steady_state: SteadyStateMeter => Option<SteadyState>,
        /// What drafts came to; `None` if nothing was drafted. It stands by itself in the result of a run.
        #[serde(skip)]
        speculative: DraftsMeter => Option<SpeculativeSummary>,
        /// What the memory of the CPU gained; `None` where it holds nothing. It stands by itself in a run's result.
        #[serde(skip)]
        kv_offload: OffloadMeter => Option<OffloadSummary>,
        /// What held requests back. It stands by itself in the result of a run.
        #[serde(skip)]
        constraint: ConstraintMeter => Constraint,
        /// Whether the queue grew still at the end; `None` if that cannot be told. The verdict of a run tells it.
        #[serde(skip)]
        saturation: SaturationMeter => Option<Saturation>,
        /// Waves in which requests came. A warning tells them.
        #[serde(skip)]
        waves: WavesMeter => Waves,
    }
}
