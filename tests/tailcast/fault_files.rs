//! Faults from a file: the same as in the scenario, and what is refused of the file.

use serde_json::Value;

use crate::command::Workplace;

const FLEET: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[workload]
requests = 400
arrivals = { process = "poisson", rate = 10.0 }
prompt = { dist = "lognormal", median = 300, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[client.retry]
[fleet]
servers = 2
"#;

fn workplace(more: &str, faults: &str) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("fleet.toml", format!("{FLEET}{more}"));
    workplace.write("faults.csv", faults);
    workplace
}

fn json(workplace: &Workplace, more: &[&str]) -> Value {
    let arguments = [&["run", "fleet.toml", "--format", "json", "--slo-exit-zero"], more].concat();
    workplace.run(&arguments).json()
}

const LISTED: &str = r#"
[[fleet.fault]]
kind = "crash"
at = "5s"
server = 0
restart = "4s"
detect = "1s"
[[fleet.fault]]
kind = "slow"
at = "15s"
factor = 2.5
duration = "5s"
[[fleet.fault]]
kind = "out_of_memory"
mtbf = "20s"
duration = "2s"
[[fleet.fault]]
kind = "crash"
at = "30s"
server = 1
restart = "never"
"#;

/// Times in seconds, with units, padded, and with what programs write at the start and the ends of lines.
const FILE: &str = "\u{feff}kind, at,mtbf,server,restart,detect,factor,duration,\r\n\
                    crash,5,,0,4s,1,,,\r\n\
                    slow,0.25min,,,,,2.5,5000ms,\r\n\r\n\
                    out_of_memory,,20,,,,,2,\r\n\
                    crash,30,,1,never,,,,\r\n";

#[test]
fn a_row_is_what_a_table_would_be() {
    let listed = json(&workplace(LISTED, ""), &[]);
    for more in ["fault = \"faults.csv\"\n", "faults = \"faults.csv\"\n"] {
        let workplace = workplace(more, FILE);
        let of_file = json(&workplace, &[]);
        for section in ["fleet", "requests", "latency"] {
            assert_eq!(of_file[section], listed[section], "{section}");
        }
        let explained = workplace.run(&["run", "fleet.toml", "--explain", "--slo-exit-zero"]);
        assert!(explained.stdout.contains("faults.csv"), "{}", explained.stdout);
        // A flag names another file, or none.
        let none = json(&workplace, &["--set", "fleet.fault=[]"]);
        assert_eq!(none["fleet"]["faults"], 0);
        // What is in the file names the scenario.
        let before = of_file["scenario_hash"].clone();
        workplace.write("faults.csv", FILE.replace("2.5", "2.6"));
        assert_ne!(before, json(&workplace, &[])["scenario_hash"]);
    }
    let workplace = workplace("", "kind,at,restart\n");
    let none = json(&workplace, &["--set", "fleet.fault=\"faults.csv\""]);
    assert_eq!(none["fleet"]["faults"], 0, "a file without rows has no faults");
}

#[test]
fn what_is_no_fault_is_told_with_its_line() {
    for (file, told, place) in [
        ("kind,at\ncrash,1\n", "`fleet.fault[0].restart` is missing", ":2:1"),
        (
            "kind,at,restart\ncrash,1,2\ncrash,soon,2\n",
            "\"soon\" is not a duration",
            ":3:7",
        ),
        ("kind,at,restart\ncrash,-1,2\n", "is negative", ":2:7"),
        ("kind,at,restart\ncrush,1,2\n", "did you mean `crash`", ":2:1"),
        (
            "kind,at,restart,server\ncrash,1,2,2\n",
            "is 2, and there are servers 0 to 1",
            ":2:11",
        ),
        (
            "kind,at,restart,server\ncrash,1,2,0.5\n",
            "must be a whole number",
            ":2:11",
        ),
        (
            "kind,at,duration,factor\nslow,1,2,0.5\n",
            "a number from 1 to 1000, not 0.5",
            ":2:10",
        ),
        (
            "kind,at,duration,restart\npartition,1,2,3\n",
            "has no key `restart`",
            ":2:15",
        ),
        ("kind,at,mtbf,restart\ncrash,1,2,3\n", "exclude each other", ":2:7"),
        ("kind,restart\ncrash,1\n", "does not say when it happens", ":2:1"),
        (
            "kind,at,restrat\ncrash,1,2\n",
            "did you mean `restart`",
            "columns are at, detect, duration",
        ),
        ("kind,at,at\ncrash,1,2\n", "names the column `at` twice", ":1:1"),
        ("at,restart\n1,2\n", "there is no column `kind`", ":1:1"),
        ("", "there is no column `kind`", "columns are"),
        ("kind,at,restart\ncrash,1\n", "the row has 2 cells", ":2:1"),
        (
            "kind,at,restart,\ncrash,1,2,3\n",
            "\"3\" stands in a column without a name",
            ":2:11",
        ),
    ] {
        let output = workplace("fault = \"faults.csv\"\n", file).run(&["run", "fleet.toml"]);
        assert_eq!(output.code, Some(2), "{file}: {}", output.stderr);
        let stderr = &output.stderr;
        assert!(stderr.contains(told) && stderr.contains(place), "{file}: {stderr}");
        assert!(
            stderr.contains("faults.csv") && stderr.contains("help: "),
            "{file}: {stderr}"
        );
    }
    let missing = workplace("fault = \"none.csv\"\n", "").run(&["run", "fleet.toml"]);
    assert_eq!(missing.code, Some(2));
    let told = &missing.stderr;
    assert!(told.contains("none.csv") && told.contains("fleet.toml:"), "{told}");
    let both = workplace(&format!("faults = \"faults.csv\"\n{LISTED}"), FILE).run(&["run", "fleet.toml"]);
    assert_eq!(both.code, Some(2));
    assert!(both.stderr.contains("are the same key"), "{}", both.stderr);
}
