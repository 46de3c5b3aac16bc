//! The list of trace formats. A new one is a file and a line here.

use super::aibrix::AiBrix;
use super::aiperf::AIPERF;
use super::azure::Azure;
use super::bailian::Bailian;
use super::blis::BLIS;
use super::burstgpt::BurstGpt;
use super::conversations::Conversations;
use super::csv::Csv;
use super::format::TraceFormat;
use super::mooncake::Mooncake;
use super::mooncake_agents::MooncakeAgents;
use super::openai_log::OPENAI_LOG;
use super::otel::Otel;
use super::servegen::ServeGen;
use super::sharegpt::ShareGpt;
use super::splitwise::SPLITWISE;
use super::vidur::VIDUR;

/// Every format, in the order in which messages list them.
pub static FORMATS: [&dyn TraceFormat; 16] = [
    &Csv,
    &Azure,
    &Mooncake,
    &BurstGpt,
    &ShareGpt,
    &Bailian,
    &MooncakeAgents,
    &OPENAI_LOG,
    &AIPERF,
    &Otel,
    &ServeGen,
    &Conversations,
    &AiBrix,
    &BLIS,
    &SPLITWISE,
    &VIDUR,
];
