//! The requests of an experiment, each under a name of its own.

use std::collections::HashSet;

use crate::workload::{Request, RequestId};

/// The requests, numbered as they arrive, and their names, of those whose `name` and `resolve` with their place in the
/// list say what they are.
pub fn in_order_of_arrival<Raw>(
    raw: &[Raw],
    name: impl Fn(&Raw) -> &str,
    resolve: impl Fn(&Raw, u64) -> Result<Request, String>,
) -> Result<(Vec<Request>, Vec<String>), String> {
    let mut names = HashSet::new();
    let requests = raw.iter().enumerate().map(|(index, raw)| {
        let name = name(raw);
        let request = resolve(raw, index as u64).and_then(|request| {
            if names.insert(name) {
                Ok((request, name.to_owned()))
            } else {
                Err("an earlier request has this id; write another".to_owned())
            }
        });
        request.map_err(|why| format!("requests[{index}] ({name}): {why}"))
    });
    let mut requests = requests.collect::<Result<Vec<_>, _>>()?;
    requests.sort_by_key(|(request, _)| request.arrival);
    let (mut requests, names): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
    for (number, request) in requests.iter_mut().enumerate() {
        request.id = RequestId(number as u64);
    }
    Ok((requests, names))
}
