//! A price list: what GPUs, tokens, storage, power and people cost, each figure beside its source.

use std::path::Path;

use super::catalogue;
use crate::config::reader::diagnostic::{Diagnostic, did_you_mean};
use crate::config::reader::document::{self, Entry};
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::config::reader::text::Text;
use crate::money::{ApiClass, ApiPrice, CostFigure, GpuPrice, PriceBook, Region};
use crate::units::Day;

/// The list that comes with the program.
pub const EMBEDDED: &str = include_str!("../../../configs/prices.toml");
/// What messages call it.
pub const EMBEDDED_NAME: &str = "configs/prices.toml";
/// More is a slip of the pen, whatever it counts.
pub const MOST_DOLLARS: f64 = 1e6;
/// The most of anything that is no price: bytes, watts, seconds.
const MOST: f64 = 1e9;

/// The list that comes with the program.
pub fn embedded() -> PriceBook {
    let read = parse(EMBEDDED_NAME, EMBEDDED.to_owned(), Path::new(""), &[]);
    read.expect("a test reads the list that comes with the program")
}

/// Reads the text of a list, which messages call `name`. It may have prices of GPUs of the catalogue and of `own` ones.
pub fn parse(name: &str, text: String, base: &Path, own: &[&str]) -> Result<PriceBook, Diagnostic> {
    let mut reading = Reading::default();
    let text = Text::of_file(name, text, base);
    let root = document::parse(&mut reading.texts, text)?;
    let root = Fields::of(&reading, String::new(), &root)?;
    let book = read(name, &root, own)?;
    root.finish_as("a price list")?;
    Ok(book)
}

fn read(name: &str, root: &Fields<'_>, own: &[&str]) -> Result<PriceBook, Diagnostic> {
    let date = read_date(root)?;
    let usual = root.section("regions")?;
    let usual_region = needed(&usual, "usual", usual.key("usual")?.text()?.unnoted())?;
    usual.finish_as("`regions`")?;
    let regions = each(&root.section("region")?, read_region)?;
    if !regions.iter().any(|region| region.name == usual_region) {
        let message = format!("there is no [region.{usual_region}]");
        return Err(usual.error("usual", message));
    }
    let api = read_classes(root)?;
    let of = |table: &'static str, names: &[&'static str]| figures(&root.section(table)?, names);
    let [egress_per_gb, egress_bytes_per_token] = taken(of("egress", &["per_gb", "bytes_per_token"])?);
    let [storage_per_gb_month, vectors_per_gb_month] = taken(of("storage", &["per_gb_month", "vectors_per_gb_month"])?);
    let [log_ingest_per_gb, log_bytes_per_request, retention_days] =
        taken(of("logs", &["ingest_per_gb", "bytes_per_request", "retention_days"])?);
    let [metrics_per_series_month, metrics_series_per_server] =
        taken(of("metrics", &["per_series_month", "series_per_server"])?);
    let [people_per_month] = taken(of("people", &["per_month"])?);
    let [cold_start_s] = taken(of("cold_start", &["seconds"])?);
    let [idle_share, busy_share, energy_overhead] = taken(of("energy", &["idle_share", "busy_share", "overhead"])?);
    Ok(PriceBook {
        file: name.to_owned(),
        date,
        gpus: read_gpus(&root.section("gpu")?, own)?,
        api,
        regions,
        usual_region,
        egress_per_gb,
        egress_bytes_per_token,
        storage_per_gb_month,
        vectors_per_gb_month,
        log_ingest_per_gb,
        log_bytes_per_request,
        retention_days,
        metrics_per_series_month,
        metrics_series_per_server,
        people_per_month,
        cold_start_s,
        idle_share,
        busy_share,
        energy_overhead,
    })
}

fn read_date(root: &Fields<'_>) -> Result<Day, Diagnostic> {
    const HELP: &str = "write the day on which its prices were looked up, such as date = \"2026-11-29\"";
    let written = root.key("date")?.text().map_err(|error| error.help(HELP))?.unnoted();
    let Some(written) = written else {
        return Err(root.error("date", "the price list has no date").help(HELP));
    };
    Day::parse(&written).ok_or_else(|| {
        let message = format!("`date` must be a day, not {written:?}");
        root.error("date", message).help(HELP)
    })
}

fn read_gpus(fields: &Fields<'_>, own: &[&str]) -> Result<Vec<GpuPrice>, Diagnostic> {
    let catalogue = catalogue::gpu_names();
    let known = || catalogue.iter().map(String::as_str).chain(own.iter().copied());
    let unknown = fields
        .entries()
        .iter()
        .find(|entry| !known().any(|name| name == entry.key));
    if let Some(Entry { key, place, .. }) = unknown {
        let message = format!("there is no GPU `{key}`");
        let error = fields.reading().error(*place, message);
        let error = match did_you_mean(key, known()) {
            Some(hint) => error.help(hint),
            None => error,
        };
        return Err(error.help(
            "`tailcast gpus` lists the names; a GPU of your own is called as its file is: server.gpu = \"my-gpu.toml\" \
             is `my-gpu`, and may have a price in lists of scenarios that use it",
        ));
    }
    each(fields, read_gpu)
}

fn read_gpu(name: &str, fields: &Fields<'_>) -> Result<GpuPrice, Diagnostic> {
    let price = |key| dollars(fields, key);
    let peak_w = fields.optional_section("peak_w")?;
    let peak_w = peak_w.map(|table| figure(&table, "watts")).transpose()?;
    let read = GpuPrice {
        name: name.to_owned(),
        on_demand: price("on_demand")?,
        reserved: price("reserved")?,
        spot: price("spot")?,
        source: source(fields)?,
        peak_w,
    };
    fields.finish_as(&format!("`gpu.{name}`"))?;
    Ok(read)
}

/// The kinds of models, the smallest first.
fn read_classes(root: &Fields<'_>) -> Result<Vec<ApiClass>, Diagnostic> {
    let fields = root.section("api")?;
    let mut classes = each(&fields, read_class)?;
    classes.sort_by(|one, other| {
        let size = |class: &ApiClass| class.most_parameters.unwrap_or(f64::INFINITY);
        size(one).total_cmp(&size(other))
    });
    if classes.iter().all(|class| class.most_parameters.is_none()) {
        let message = "`api` has no kind of model by its size";
        return Err(root
            .error("api", message)
            .help("write [api.small] with up_to_billions = 12, input, output and source"));
    }
    Ok(classes)
}

fn read_class(name: &str, fields: &Fields<'_>) -> Result<ApiClass, Diagnostic> {
    let up_to_billions = fields.key("up_to_billions")?.positive(MOST)?.unnoted();
    let input = needed(fields, "input", dollars(fields, "input")?)?;
    let read = ApiClass {
        name: name.to_owned(),
        most_parameters: up_to_billions.map(|billions| billions * 1e9),
        price: ApiPrice {
            input,
            output: needed(fields, "output", dollars(fields, "output")?)?,
            cached_input: dollars(fields, "cached_input")?.unwrap_or(input),
        },
        source: source(fields)?,
    };
    fields.finish_as(&format!("`api.{name}`"))?;
    Ok(read)
}

fn read_region(name: &str, fields: &Fields<'_>) -> Result<Region, Diagnostic> {
    let names = ["carbon_kg_per_kwh", "electricity_per_kwh"];
    let [carbon_kg_per_kwh, electricity_per_kwh] = taken(figures(fields, &names)?);
    Ok(Region {
        name: name.to_owned(),
        carbon_kg_per_kwh,
        electricity_per_kwh,
    })
}

/// The tables of a table whose keys are data, each with its key.
fn each<T>(
    fields: &Fields<'_>,
    read: impl Fn(&str, &Fields<'_>) -> Result<T, Diagnostic>,
) -> Result<Vec<T>, Diagnostic> {
    let entries = fields.entries().iter();
    let all = entries.map(|entry| {
        let path = format!("{}.{}", fields.path(), entry.key);
        read(&entry.key, &Fields::of(fields.reading(), path, &entry.node)?)
    });
    all.collect()
}

/// Figures that a table must have, and no other keys.
fn figures(fields: &Fields<'_>, names: &[&'static str]) -> Result<Vec<CostFigure>, Diagnostic> {
    let read = names.iter().map(|name| {
        let table = fields.optional_section(name)?;
        let table = needed(fields, name, table)?;
        figure(&table, "value")
    });
    let read: Vec<CostFigure> = read.collect::<Result<_, _>>()?;
    fields.finish_as(&format!("`{}`", fields.path()))?;
    Ok(read)
}

fn taken<const N: usize>(figures: Vec<CostFigure>) -> [CostFigure; N] {
    let count = figures.len();
    let taken = figures.try_into();
    taken.unwrap_or_else(|_| panic!("{count} figures were asked for, and {N} are taken"))
}

/// A number with its source, and no other keys.
fn figure(fields: &Fields<'_>, key: &'static str) -> Result<CostFigure, Diagnostic> {
    let value = fields.key(key)?.number(0.0..=MOST)?.unnoted();
    let read = CostFigure {
        value: needed(fields, key, value)?,
        source: source(fields)?,
        is_written: false,
    };
    fields.finish_as(&format!("`{}`", fields.path()))?;
    Ok(read)
}

fn dollars(fields: &Fields<'_>, key: &'static str) -> Result<Option<f64>, Diagnostic> {
    Ok(fields.key(key)?.number(0.0..=MOST_DOLLARS)?.unnoted())
}

fn source(fields: &Fields<'_>) -> Result<String, Diagnostic> {
    let source = fields.key("source")?.text()?.unnoted();
    needed(fields, "source", source).map_err(|error| {
        error
            .help("say who lists it and when, such as source = \"list price, AWS, November 2026\", or \"assumed: ...\"")
    })
}

fn needed<T>(fields: &Fields<'_>, key: &str, found: Option<T>) -> Result<T, Diagnostic> {
    found.ok_or_else(|| {
        let message = format!("`{}.{key}` is missing", fields.path());
        fields
            .error(key, message)
            .help("`tailcast` comes with configs/prices.toml, which has all keys")
    })
}
