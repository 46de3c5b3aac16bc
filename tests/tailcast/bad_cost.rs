//! Mistakes in `[cost]`, `[budget]` and price lists: a message that names the place and what to write, and exit code 2.

use crate::command::Workplace;

const PRICES: &str = include_str!("../../configs/prices.toml");

/// What is said of the demo with these settings, which must be refused.
fn refused(place: &Workplace, settings: &[&str]) -> String {
    let mut arguments = vec!["run", "--quiet", "--requests-out", "requests.csv"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(2), "{settings:?}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.is_empty() && !place.listing().contains(&"requests.csv".to_owned()));
    ended.stderr
}

#[test]
fn a_wrong_setting_is_refused_with_its_place() {
    let place = Workplace::new();
    for (settings, said) in [
        (
            &["cost.gpu_hour=-2"][..],
            "`cost.gpu_hour` must be a number from 0 to 1000000, not -2",
        ),
        (
            &["cost.gpu_hour=nan"],
            "`cost.gpu_hour` must be a number from 0 to 1000000, not NaN",
        ),
        (&["cost.gpu_hour=inf"], "not inf"),
        (&["cost.gpu_hour=\"2\""], "not the text"),
        (&["cost.api={ input = 3 }"], "`cost.api.output` is missing"),
        (&["cost.api={ input = 3, output = -1 }"], "`cost.api.output` must be"),
        (
            &["cost.api={ input = 3, output = 1, cache = 1 }"],
            "known keys: input, output, cached_input",
        ),
        (
            &["cost.api={ input = 3, output = 1 }", "cost.api_class=\"frontier\""],
            "keep one of the two",
        ),
        (&["cost.api_class=\"frontir\""], "did you mean `frontier`?"),
        (&["cost.region=\"frnce\""], "did you mean `france`?"),
        (&["cost.commitment=\"spott\""], "did you mean `spot`?"),
        (&["cost.users_per_day=1000"], "write requests_per_user = 10 beside it"),
        (&["cost.requests_per_user=10"], "write users_per_day = 1000 beside it"),
        (
            &["cost.users_per_day=1e10", "cost.requests_per_user=1e6"],
            "write numbers whose product is",
        ),
        (&["cost.users_per_day=0", "cost.requests_per_user=1"], "above 0"),
        (&["cost.users_per_day=nan", "cost.requests_per_user=1"], "above 0"),
        (&["cost.power_peak_w=-1"], "`cost.power_peak_w` must be"),
        (&["cost.cold_start=5"], "write"),
        (&["cost.gpu_hours=2"], "did you mean `gpu_hour`?"),
        (&["budget.beyond=\"queue\""], "`budget.per_day` is missing"),
        (&["budget.per_day=0"], "above 0"),
        (&["budget.per_day=-5"], "above 0"),
        (
            &["budget={ per_day = 5, beyond = \"drop\" }"],
            "allowed: degrade, queue, refuse",
        ),
        (&["cost.prices=\"none.toml\""], "cannot read"),
    ] {
        let text = refused(&place, settings);
        assert!(text.contains(said), "{settings:?}: {text}");
    }
}

#[test]
fn a_wrong_price_list_is_refused_with_its_line() {
    let place = Workplace::new();
    let dated = "date = \"2026-11-29\"";
    let h100 = "on_demand = 2.95";
    for (from, to, said) in [
        (dated, "", "the price list has no date"),
        (dated, "date = \"yesterday\"", "`date` must be a day"),
        (dated, "date = \"2026-02-30\"", "`date` must be a day"),
        (dated, "date = 2026-11-29", "in \"quotes\""),
        (
            h100,
            "on_demand = -2.95",
            "`gpu.h100-sxm.on_demand` must be a number from 0 to 1000000, not -2.95",
        ),
        (h100, "on_demand = nan", "not NaN"),
        (h100, "on_demand = \"2.95\"", "not the text"),
        (h100, "on_demnd = 2.95", "did you mean `on_demand`?"),
        ("[gpu.h100-sxm]", "[gpu.h100-smx]", "did you mean `h100-sxm`?"),
        ("[gpu.h100-sxm]", "[gpus.h100-sxm]", "a price list has no key `gpus`"),
        (
            "up_to_billions = 12\ninput = 0.18",
            "up_to_billions = 12",
            "`api.small.input` is missing",
        ),
        ("source = \"NVIDIA H100 datasheet\"", "source = \" \"", "in \"quotes\""),
        ("usual = \"world\"", "usual = \"moon\"", "there is no [region.moon]"),
        (
            "seconds = { value = 30,",
            "seconds = { value = -30,",
            "`cold_start.seconds.value` must be",
        ),
    ] {
        assert!(PRICES.contains(from), "{from}");
        place.write("mine.toml", PRICES.replacen(from, to, 1));
        let text = refused(&place, &["cost.prices=\"mine.toml\""]);
        assert!(
            text.contains(said) && text.contains("mine.toml"),
            "{from} -> {to}: {text}"
        );
    }
    place.write("mine.toml", "date = \"2026-11-29\"\n");
    assert!(refused(&place, &["cost.prices=\"mine.toml\""]).contains("is missing"));
}

#[test]
fn a_name_in_a_price_list_cannot_reach_the_terminal() {
    let place = Workplace::new();
    place.write("mine.toml", PRICES.replacen("[gpu.a30]", "[gpu.\"a30\\u001b[2J\"]", 1));
    let text = refused(&place, &["cost.prices=\"mine.toml\""]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}
