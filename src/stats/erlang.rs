//! Waits in front of several servers, from Erlang's formula.

/// The share of arrivals that wait in an M/M/c queue, by Erlang's C formula (A. K. Erlang, Solution of some problems in
/// the theory of probabilities of significance in automatic telephone exchanges, 1917): `load` is the mean number of
/// busy servers, arrival rate times service time. 1 where the load is no less than the servers, whose queue then grows
/// without end.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let count = f64::from(servers);
    if load <= 0.0 {
        return 0.0;
    }
    if load >= count {
        return 1.0;
    }
    // Erlang B by its recursion, which no factorial overflows.
    let blocked = (1..=servers).fold(1.0, |blocked, server| {
        load * blocked / (f64::from(server) + load * blocked)
    });
    let utilisation = load / count;
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// The quantile of the wait in an M/M/c queue whose service takes `service_s` on average [s]: who waits at all waits for
/// an exponential time of mean service / (servers - load). `None` if the queue grows without end.
pub fn erlang_wait_quantile_s(servers: u32, load: f64, service_s: f64, quantile: f64) -> Option<f64> {
    let room = f64::from(servers) - load;
    if room <= 0.0 {
        return None;
    }
    let beyond = erlang_c(servers, load) / (1.0 - quantile);
    Some(if beyond > 1.0 {
        beyond.ln() * service_s / room
    } else {
        0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_those_of_textbooks() {
        // M/M/1: everyone waits with the probability that the server is busy.
        assert!((erlang_c(1, 0.7) - 0.7).abs() < 1e-12);
        // Two servers at a load of 1: 1/3, by hand.
        assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-12);
        // Tables of Erlang C: 10 servers, 8 Erlang.
        assert!((erlang_c(10, 8.0) - 0.4092).abs() < 1e-4);
        assert_eq!((erlang_c(3, 0.0), erlang_c(3, 3.0)), (0.0, 1.0));
        // M/M/1: P(wait > t) = 0.7 exp(-0.3 t) with a service of 1.
        let p99 = erlang_wait_quantile_s(1, 0.7, 1.0, 0.99).unwrap();
        assert!((0.7 * (-0.3 * p99).exp() - 0.01).abs() < 1e-12);
        assert_eq!(erlang_wait_quantile_s(1, 0.7, 1.0, 0.2), Some(0.0));
        assert_eq!(erlang_wait_quantile_s(2, 2.0, 1.0, 0.99), None);
        assert!(erlang_c(100_000, 99_000.0) < 1.0);
    }
}
