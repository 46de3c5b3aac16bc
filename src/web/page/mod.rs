//! The page at `/`, and what it asks under `/api/`: questions of [`crate::answer`], as the command line asks them.

mod asked;
mod catalogue;
mod refusal;
mod work;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use self::asked::PageAsked;
use self::refusal::PageRefusal;
use self::work::Work;
use super::openai::JsonBody;
use crate::answer::serve::LiveServer;
use crate::answer::{Base, Control, Problem, ScenarioQuestion};
use crate::report::page;

/// The page's own text, script and style; it needs nothing from anywhere else.
const PAGE: &str = include_str!("index.html");
const SCRIPT: &str = concat!(
    include_str!("state.js"),
    include_str!("controls.js"),
    include_str!("answers.js"),
    include_str!("page.js")
);
const STYLE: &str = include_str!("page.css");

/// What browsers may load for the page: nothing but what comes with it.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The longest question: a scenario of some thousand lines [bytes].
const MOST_BYTES: usize = 256 << 10;

/// What the page's handlers share.
#[derive(Clone)]
struct PageState {
    /// The scenario that is served; whoever asks may not name other files.
    base: Base,
    work: Arc<Work>,
}

/// The page's own paths. Those of what it asks start with `/api/`.
pub fn routes(base: &Base) -> Router<LiveServer> {
    let state = PageState {
        base: base.closed(),
        work: Arc::new(Work::usual()),
    };
    let asks = Router::new()
        .route("/api/scenario", get(served_scenario).post(scenario))
        .route("/api/run", post(run))
        .route("/api/curve", post(curve))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(state);
    Router::new()
        .route("/", get(|| async { html() }))
        .route("/page/script.js", get(|| async { script(SCRIPT) }))
        .route("/page/charts.js", get(|| async { script(page::SCRIPTS) }))
        .route("/page/page.css", get(|| async { style(STYLE) }))
        .route("/page/charts.css", get(|| async { style(page::STYLES) }))
        .route("/api/served", get(what_is_served))
        .route("/api/catalogue", get(|| async { catalogue::answer() }))
        .merge(asks)
}

const SNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");

fn html() -> Response {
    let policies = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        SNIFF,
    ];
    (policies, Html(PAGE)).into_response()
}

fn script(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), SNIFF], text).into_response()
}

fn style(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), SNIFF], text).into_response()
}

/// What this server pretends to be.
async fn what_is_served(State(live): State<LiveServer>) -> Json<Value> {
    Json(json!({
        "tool": concat!("tailcast ", env!("CARGO_PKG_VERSION")),
        "scenario": live.scenario(),
        "model": live.model(),
        "engine": live.engine(),
        "servers": live.servers(),
        "max_model_len": live.max_model_len(),
    }))
}

async fn served_scenario(State(page): State<PageState>) -> Result<Json<Value>, PageRefusal> {
    page.answer(PageAsked::default(), scenario_answer).await
}

async fn scenario(
    State(page): State<PageState>,
    JsonBody(asked): JsonBody<PageAsked>,
) -> Result<Json<Value>, PageRefusal> {
    page.answer(asked, scenario_answer).await
}

async fn run(State(page): State<PageState>, JsonBody(asked): JsonBody<PageAsked>) -> Result<Json<Value>, PageRefusal> {
    page.answer(asked, asked::run).await
}

async fn curve(
    State(page): State<PageState>,
    JsonBody(asked): JsonBody<PageAsked>,
) -> Result<Json<Value>, PageRefusal> {
    let answer = |asked: &PageAsked, base: Base, control: &Control| asked::curve(asked, &base, control);
    page.answer(asked, answer).await
}

fn scenario_answer(_: &PageAsked, base: Base, _: &Control) -> Result<Value, Problem> {
    Ok(ScenarioQuestion { base }.answer()?.to_json())
}

impl PageState {
    /// Answers a question about the scenario that is asked about; says which key a problem is about.
    async fn answer(
        &self,
        asked: PageAsked,
        answer: impl FnOnce(&PageAsked, Base, &Control) -> Result<Value, Problem> + Send + 'static,
    ) -> Result<Json<Value>, PageRefusal> {
        let limit = asked.limit();
        let asked = Arc::new(asked);
        let (question, served) = (Arc::clone(&asked), self.base.clone());
        let answer = move |control: &Control| answer(&question, question.base(&served)?, control);
        let answered = self.work.answer(limit, answer).await;
        answered.map(Json).map_err(|refusal| refusal.about(&asked))
    }
}
