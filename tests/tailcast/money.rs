//! Arithmetic on money: answers that can be worked out on paper.

use tailcast::config::price_list;
use tailcast::money::{
    ApiPrice, BreakEven, CostFacts, CostRules, EnergyUse, MoneyOfDay, PaidServers, PartOfDay, RuleOfThumb, Share,
    UnitPrices, break_even_requests_per_s, moment_spent, watts_at_load,
};

/// Three dollars a million tokens of prompts, and fifteen of answers.
const API: ApiPrice = ApiPrice {
    input: 3.0,
    output: 15.0,
    cached_input: 0.3,
};
use tailcast::units::Day;

/// One server of one H100 at $3.60 an hour: a tenth of a cent a second.
fn rules() -> CostRules {
    let prices = price_list();
    let price = prices.gpus.iter().find(|price| price.name == "h100-sxm").cloned();
    let server = PaidServers {
        pool: None,
        servers: 1,
        gpus: 1,
        gpu: "h100-sxm".to_owned(),
        price,
    };
    CostRules {
        gpu_hour: Some(3.6),
        api: API,
        ..CostRules::default_for(&prices, vec![server], 8e9)
    }
}

/// Two requests a second of 1,000 and 500 tokens.
const FACTS: CostFacts = CostFacts {
    requests_per_s: 2.0,
    input_tokens_per_s: 2_000.0,
    output_tokens_per_s: 1_000.0,
    cached_share: 0.0,
    mean_servers: 1.0,
    busy_fraction: 0.5,
    extra_attempts: 0.0,
    starts_per_s: 0.0,
};

fn close(found: f64, expected: f64) {
    let off = (found - expected).abs();
    assert!(off <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn a_thousand_users_cost_105_dollars_a_day() {
    let each = API.of_tokens(1_000.0, 0.0, 500.0);
    close(each, 0.0105);
    close(1_000.0 * 10.0 * each, 105.0);
    let rules = CostRules {
        users: Some((1_000.0, 10.0)),
        ..rules()
    };
    let day = MoneyOfDay::of(&rules, &FACTS);
    close(day.api_tokens, 105.0);
    close(30.0 * day.api_tokens, 3_150.0);
}

#[test]
fn an_h100_at_two_dollars_an_hour_costs_1440_dollars_a_month() {
    let rules = CostRules {
        gpu_hour: Some(2.0),
        ..rules()
    };
    close(30.0 * MoneyOfDay::of(&rules, &FACTS).rent.unwrap(), 1_440.0);
}

#[test]
fn tokens_cost_what_the_servers_do_over_how_many_they_make() {
    let unit = UnitPrices::of(&rules(), &FACTS).unwrap();
    close(unit.fleet_hour.unwrap(), 3.6);
    close(unit.per_request.unwrap(), 0.0005);
    close(unit.per_million_tokens.unwrap(), 1.0 / 3.0);
    close(unit.per_million_output_tokens.unwrap(), 1.0);
    close(unit.api_per_request, 0.0105);
    close(unit.api_per_million_tokens, 7.0);
}

#[test]
fn what_a_cache_has_costs_less_at_an_api() {
    let facts = CostFacts {
        cached_share: 0.4,
        ..FACTS
    };
    let unit = UnitPrices::of(&rules(), &facts).unwrap();
    // 600 fresh, 400 cached and 500 output tokens.
    close(unit.api_per_request, (600.0 * 3.0 + 400.0 * 0.3 + 500.0 * 15.0) / 1e6);
}

#[test]
fn servers_break_even_where_an_api_costs_as_much() {
    // A tenth of a cent a second, over 1.05 cents a request.
    let rate = break_even_requests_per_s(0.001, 0.0105).unwrap();
    close(rate, 2.0 / 21.0);
    let found = BreakEven::of(0.001, 0.0105, Some((0.5, Some([0.4, 0.6])))).unwrap();
    close(found.requests_per_day, rate * 86_400.0);
    close(found.utilisation.unwrap(), 4.0 / 21.0);
    let [low, high] = found.utilisation_within.unwrap();
    close(low, rate / 0.6);
    close(high, rate / 0.4);
    let nothing = ApiPrice {
        input: 0.0,
        output: 0.0,
        cached_input: 0.0,
    };
    assert_eq!(break_even_requests_per_s(0.001, nothing.of_tokens(1.0, 1.0, 1.0)), None);
    let says = [0.29, 0.3, 0.5, 0.51].map(RuleOfThumb::at);
    let rule = [RuleOfThumb::Api, RuleOfThumb::Open, RuleOfThumb::Open, RuleOfThumb::Own];
    assert_eq!(says, rule);
}

#[test]
fn a_flat_day_spends_half_of_its_money_by_noon() {
    let hour = PartOfDay {
        hours: 1.0,
        requests: 100.0,
        dollars: 10.0,
    };
    let spent = moment_spent(&[hour; 24], 120.0);
    close(spent.spent_at_hour.unwrap(), 12.0);
    close(spent.share_after, 0.5);
    close(spent.requests_after, 1_200.0);
    close(spent.longest_wait_hours.unwrap(), 12.0);
    let lasts = moment_spent(&[hour; 24], 240.0);
    assert_eq!((lasts.spent_at_hour, lasts.share_after), (None, 0.0));
}

#[test]
fn a_day_of_two_stages_spends_its_money_in_the_second() {
    // $1 an hour until noon, $3 an hour after: $12 by then, and $18 more by 18:00.
    let half = |requests: f64| PartOfDay {
        hours: 12.0,
        requests,
        dollars: requests * 0.01,
    };
    let spent = moment_spent(&[half(1_200.0), half(3_600.0)], 30.0);
    close(spent.wanted_dollars, 48.0);
    close(spent.spent_at_hour.unwrap(), 18.0);
    close(spent.requests_after, 1_800.0);
    close(spent.share_after, 0.375);
    close(spent.longest_wait_hours.unwrap(), 6.0);
}

#[test]
fn a_token_takes_the_power_over_the_tokens() {
    close(watts_at_load(100.0, 500.0, 0.5), 300.0);
    let rules = CostRules {
        power_idle_w: Some(100.0),
        power_busy_w: Some(500.0),
        ..rules()
    };
    let energy = EnergyUse::of_run(&rules, &FACTS).unwrap();
    close(energy.gpu_watts, 300.0);
    close(energy.joules_per_token(3_000.0).unwrap(), 0.1);
    assert_eq!(energy.joules_per_token(0.0), None);
    // The rest of the server comes on top: 480 W are 11.52 kWh a day.
    close(energy.watts, 300.0 * rules.figures.energy_overhead.value);
}

#[test]
fn prices_are_old_on_the_91st_day() {
    let rules = CostRules {
        date: Day::parse("2026-01-01").unwrap(),
        ..rules()
    };
    let on = |day: &str| rules.warning_on(Day::parse(day).unwrap());
    assert_eq!(on("2026-04-01"), None);
    let warning = on("2026-04-02").unwrap();
    assert!(
        warning.contains("91 days ago") && warning.contains("2026-01-01"),
        "{warning}"
    );
    assert_eq!(on("2025-12-31"), None);
    assert!(on("2025-12-30").is_some_and(|warning| warning.contains("still to come")));
}

#[test]
fn a_day_costs_its_rent_and_what_comes_on_top() {
    let rules = CostRules {
        people_per_month: Some(3_000.0),
        pays_for_power: true,
        ..rules()
    };
    let facts = CostFacts {
        extra_attempts: 0.25,
        starts_per_s: 1.0 / 3_600.0,
        ..FACTS
    };
    let day = MoneyOfDay::of(&rules, &facts);
    let line = |name: &str| day.hidden.iter().find(|line| line.name == name).unwrap();
    let on_top = day.hidden.iter().filter(|line| line.share == Share::OnTop);
    close(
        day.own.unwrap(),
        day.rent.unwrap() + on_top.map(|line| line.own.unwrap()).sum::<f64>(),
    );
    close(line("people").own.unwrap(), 100.0);
    // Half of $86.40 is for idle GPUs, and a fifth of the other half for attempts beyond the first.
    close(line("headroom").own.unwrap(), 43.2);
    close(line("retries").own.unwrap(), 8.64);
    close(line("retries").api, 0.25 * day.api_tokens);
    // 24 starts of 30 s at a tenth of a cent a second.
    close(line("cold_starts").own.unwrap(), 0.72);
    close(line("redundancy").own.unwrap(), 86.4);
    // 86.4 million tokens of 250 bytes, $0.09 a GB.
    close(line("egress").own.unwrap(), 86.4e6 * 250.0 / 1e9 * 0.09);
    // 172,800 requests of 2 kB: $0.50 a GB taken in, and 30 days' worth kept for $0.023 a month.
    close(line("logs").own.unwrap(), 0.3456 * 0.5 + 0.3456 * 30.0 * 0.023 / 30.0);
}

#[test]
fn more_users_than_were_simulated_get_more_servers() {
    let servers = |users: f64| {
        let rules = CostRules {
            users: Some((users, 1.0)),
            ..rules()
        };
        MoneyOfDay::of(&rules, &FACTS).traffic.servers
    };
    // 172,800 requests a day were simulated, and a tenth more still goes.
    close(servers(10.0), 1.0);
    close(servers(190_000.0), 1.0);
    close(servers(200_000.0), 2.0);
    close(servers(1_728_000.0), 10.0);
}

#[test]
fn the_list_that_comes_with_the_program_has_every_gpu_and_a_source_for_each_figure() {
    let prices = price_list();
    let gpus = tailcast::config::catalogue::gpus().unwrap();
    for entry in &gpus {
        let name = entry.gpu.name();
        let price = prices.gpus.iter().find(|price| price.name == name);
        let price = price.unwrap_or_else(|| panic!("{name} has no price"));
        let dearest = price.on_demand.expect("it can be rented");
        assert!(price.reserved.is_none_or(|reserved| reserved < dearest), "{name}");
        assert!(price.spot.is_none_or(|spot| spot < dearest), "{name}");
        assert!(price.peak_w.as_ref().is_some_and(|peak| peak.value > 50.0), "{name}");
    }
    assert_eq!(gpus.len(), prices.gpus.len());
    let of = |parameters| prices.api_for(parameters).unwrap().name.as_str();
    assert_eq!(
        [of(8e9), of(70e9), of(405e9), of(9e12)],
        ["small", "large", "huge", "experts"]
    );
}
