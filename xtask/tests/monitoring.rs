//! What deploy/monitoring promises, read by the tools that will read it: rules, their tests, both configurations and the
//! dashboard. Neither Prometheus nor Grafana is started.
//!
//! Invariant: every alarm rings in a test and keeps quiet in another, has its section in the runbook, and goes by figures
//! that docs/metrics.md has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use onsale_testkit::servers::or_passed_over;
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

const RULES: &str = "deploy/monitoring/onsale.rules.yml";
const RUNBOOK: &str = "docs/RUNBOOK.md";

/// What Prometheus itself knows of.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder").to_owned()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(file: &str) -> Yaml {
    let mut documents =
        YamlLoader::load_from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    documents.remove(0)
}

fn items(list: &Yaml) -> &[Yaml] {
    list.as_vec().map(Vec::as_slice).unwrap_or_default()
}

fn rules() -> Vec<Yaml> {
    let file = yaml(RULES);
    items(&file["groups"]).iter().flat_map(|group| items(&group["rules"]).to_vec()).collect()
}

/// The alarms by their names.
fn alarms() -> BTreeMap<String, Yaml> {
    let named = |rule: Yaml| {
        let name = rule["alert"].as_str()?.to_owned();
        Some((name, rule))
    };
    rules().into_iter().filter_map(named).collect()
}

/// The tests of the rules, by their paths below deploy/monitoring.
fn tests() -> Vec<String> {
    let folder = fs::read_dir(root().join("deploy/monitoring/tests")).expect("there are tests");
    let mut files: Vec<String> = folder
        .map(|entry| entry.expect("folders are readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .filter_map(|path| Some(format!("tests/{}", path.file_name()?.to_str()?)))
        .collect();
    files.sort();
    files
}

/// Each test of each of these files.
fn cases() -> Vec<Yaml> {
    let of = |file: &String| items(&yaml(&format!("deploy/monitoring/{file}"))["tests"]).to_vec();
    tests().iter().flat_map(of).collect()
}

fn dashboard() -> Value {
    let file = text("deploy/monitoring/grafana/onsale.json");
    serde_json::from_str(&file).unwrap_or_else(|error| panic!("the dashboard: {error}"))
}

fn values(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What the panels show; rows only have a title.
fn panels(dashboard: &Value) -> Vec<&Value> {
    values(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row").collect()
}

/// Every expression of the dashboard, as Grafana sends it once somebody looks at all processes.
fn expressions(dashboard: &Value) -> Vec<String> {
    let of_panels = panels(dashboard).into_iter().flat_map(|panel| values(&panel["targets"]));
    let of_annotations = values(&dashboard["annotations"]["list"]).iter();
    let found = of_panels.chain(of_annotations).map(|target| {
        let written = target["expr"].as_str().expect("what is asked has an expression");
        let asked = written.replace("$__rate_interval", "1m").replace("$instance", ".*");
        assert!(!asked.contains('$'), "a variable that is not known: {written}");
        asked
    });
    found.collect()
}

/// A tool that is on this machine.
fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    or_passed_over(Ok(found), name)
}

#[track_caller]
fn passes(tool: &Path, arguments: &[&str]) {
    let mut command = Command::new(tool);
    command.args(arguments).current_dir(root().join("deploy/monitoring"));
    let ran = command.output().unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
    assert!(
        ran.status.success(),
        "{} {}\n{}{}",
        tool.display(),
        arguments.join(" "),
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// The figures that an expression names: whatever is called like one, and whatever is selected from.
fn figures(expression: &str) -> BTreeSet<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = BTreeSet::new();
    // Every second part stands in quotes, and is no name.
    for mut rest in expression.split('"').step_by(2) {
        while let Some(start) = rest.find(is_of_name) {
            let begun = &rest[start..];
            let length = begun.find(|c: char| !is_of_name(c)).unwrap_or(begun.len());
            let (name, behind) = begun.split_at(length);
            let is_ours = ["onsale_", "onsale:", "process_"].iter().any(|prefix| name.starts_with(prefix));
            if is_ours || behind.starts_with(['{', '[']) {
                found.insert(name);
            }
            rest = behind;
        }
    }
    found
}

/// The figures of docs/metrics.md, and whether each is a histogram.
fn documented() -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for line in text("docs/metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        for name in cells[1].split('`').skip(1).step_by(2) {
            found.insert(name.to_owned(), cells[2].starts_with("histogram"));
        }
    }
    found
}

/// Those of an expression's figures that nobody makes.
fn unknown<'a>(
    expression: &'a str,
    documented: &BTreeMap<String, bool>,
    recorded: &BTreeSet<String>,
) -> Vec<&'a str> {
    let is_histogram = |name: &str| documented.get(name) == Some(&true);
    let is_part_of_histogram = |name: &str| {
        ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix)).any(is_histogram)
    };
    let is_known = |name: &str| {
        documented.get(name) == Some(&false)
            || is_part_of_histogram(name)
            || recorded.contains(name)
            || OF_PROMETHEUS.contains(&name)
    };
    figures(expression).into_iter().filter(|name| !is_known(name)).collect()
}

/// `OnsaleHotStoreDown` → `onsale-hot-store-down`.
fn anchor(alarm: &str) -> String {
    let mut anchor = String::new();
    for letter in alarm.chars() {
        if letter.is_ascii_uppercase() && !anchor.is_empty() {
            anchor.push('-');
        }
        anchor.push(letter.to_ascii_lowercase());
    }
    anchor
}

/// The sections of the runbook: the anchor of each heading, and what stands below it.
fn sections() -> BTreeMap<String, String> {
    let runbook = text(RUNBOOK);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let (mut current, mut in_code) = (String::new(), false);
    for line in runbook.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if !in_code && heading.len() < line.len() {
            let words = heading.trim().to_lowercase().replace(' ', "-");
            current = words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
            assert!(found.insert(current.clone(), String::new()).is_none(), "two sections #{current}");
        } else if let Some(section) = found.get_mut(&current) {
            section.push_str(line);
            section.push('\n');
        }
    }
    found
}

#[test]
fn prometheus_takes_rules_and_configuration() {
    let Some(promtool) = tool("promtool") else { return };
    passes(&promtool, &["check", "rules", "onsale.rules.yml"]);
    passes(&promtool, &["check", "config", "prometheus.yml"]);
}

#[test]
fn alertmanager_takes_its_configuration() {
    let Some(amtool) = tool("amtool") else { return };
    passes(&amtool, &["check-config", "alertmanager.yml"]);
}

#[test]
fn alarms_ring_when_they_should_and_only_then() {
    let Some(promtool) = tool("promtool") else { return };
    let files = tests();
    let mut arguments = vec!["test", "rules"];
    arguments.extend(files.iter().map(String::as_str));
    passes(&promtool, &arguments);
}

#[test]
fn every_alarm_is_tried_both_ways() {
    let (mut rings, mut keeps_quiet) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        for asked in items(&case["alert_rule_test"]) {
            let name = asked["alertname"].as_str().expect("a test names its alarm").to_owned();
            let expected = items(&asked["exp_alerts"]);
            let tried = if expected.is_empty() { &mut keeps_quiet } else { &mut rings };
            tried.insert(name);
        }
    }
    let alarms: BTreeSet<String> = alarms().into_keys().collect();
    assert_eq!(rings, alarms, "those that ring in a test, and those that there are");
    assert_eq!(keeps_quiet, alarms, "those that keep quiet in a test, and those that there are");
}

#[test]
fn every_alarm_has_its_section_in_the_runbook() {
    let (alarms, sections) = (alarms(), sections());
    assert!(alarms.len() >= 20, "{:?}", alarms.keys());
    for (name, rule) in &alarms {
        let anchor = anchor(name);
        let url = format!("{RUNBOOK}#{anchor}");
        assert_eq!(rule["annotations"]["runbook_url"].as_str(), Some(url.as_str()), "of {name}");
        for annotation in ["summary", "description"] {
            let words = rule["annotations"][annotation].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{name} has no {annotation}");
        }
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["page", "ticket"].contains(&severity), "{name} is a {severity:?}");
        let section = sections.get(&anchor).unwrap_or_else(|| panic!("{RUNBOOK} has no #{anchor}"));
        let head = format!("`{name}` · {severity} · ");
        assert!(section.trim_start().starts_with(&head), "the section of {name} begins with {head}");
        for part in ["**Buyers notice**", "**Look**", "**Do not**"] {
            assert!(section.contains(part), "the section of {name} does not say: {part}");
        }
    }
    let anchors: BTreeSet<String> = alarms.keys().map(|name| anchor(name)).collect();
    let of_alarms = sections.keys().filter(|section| section.starts_with("onsale-"));
    let left_over: Vec<&String> = of_alarms.filter(|section| !anchors.contains(*section)).collect();
    assert!(left_over.is_empty(), "sections of alarms that there are not: {left_over:?}");
}

#[test]
fn the_runbook_leads_to_its_own_sections() {
    let (runbook, sections) = (text(RUNBOOK), sections());
    let links = runbook.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    let dead: Vec<&str> = links.filter(|link| !sections.contains_key(*link)).collect();
    assert!(dead.is_empty(), "{dead:?}");
}

#[test]
fn only_documented_figures_are_used() {
    let (rules, documented, dashboard) = (rules(), documented(), dashboard());
    let recorded: BTreeSet<String> =
        rules.iter().filter_map(|rule| Some(rule["record"].as_str()?.to_owned())).collect();
    let mut used = expressions(&dashboard);
    used.extend(rules.iter().map(|rule| rule["expr"].as_str().expect("a rule computes").to_owned()));
    let variables = values(&dashboard["templating"]["list"]).iter();
    used.extend(variables.filter_map(|variable| Some(variable["definition"].as_str()?.to_owned())));
    for case in cases() {
        let series = items(&case["input_series"]).iter();
        used.extend(series.map(|series| series["series"].as_str().expect("a series has a name").to_owned()));
    }
    assert!(documented.len() >= 40 && used.len() >= 200, "{} figures, {} uses", documented.len(), used.len());
    for expression in &used {
        let unknown = unknown(expression, &documented, &recorded);
        assert!(unknown.is_empty(), "docs/metrics.md has no {unknown:?}, used in {expression}");
    }
}

#[test]
fn the_dashboard_asks_in_words_that_prometheus_understands() {
    let Some(promtool) = tool("promtool") else { return };
    let rules = expressions(&dashboard()).into_iter().enumerate().map(|(index, expression)| {
        let quoted = serde_json::to_string(&expression).expect("text is JSON");
        format!("      - record: dashboard:{index}\n        expr: {quoted}\n")
    });
    let rules: Vec<String> = rules.collect();
    let folder = tempfile::tempdir().expect("there is a place for files that do not stay");
    let file = folder.path().join("dashboard.rules.yml");
    let head = "groups:\n  - name: dashboard\n    rules:\n";
    fs::write(&file, [head, &rules.concat()].concat()).expect("files can be written there");
    passes(&promtool, &["check", "rules", file.to_str().expect("its path is text")]);
}

#[test]
fn every_panel_says_what_it_shows() {
    let dashboard = dashboard();
    let panels = panels(&dashboard);
    assert!(panels.len() >= 30, "{}", panels.len());
    let mut ids = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap_or_default();
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(!title.is_empty() && description.len() > 10, "{title:?}: {description:?}");
        assert!(ids.insert(panel["id"].as_i64()), "{title} has the id of another");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(defaults["unit"].is_string(), "{title} has no unit");
        assert!(!values(&defaults["thresholds"]["steps"]).is_empty(), "{title} has no thresholds");
        assert!(!values(&panel["targets"]).is_empty(), "{title} shows nothing");
    }
}

#[test]
fn prometheus_looks_at_every_process() {
    let compose = yaml("deploy/compose.yaml");
    let services = compose["services"].as_hash().expect("there are services");
    let processes = services.keys().filter_map(Yaml::as_str).filter(|name| name.starts_with("onsale-"));
    let expected: BTreeSet<String> = processes.map(|name| format!("{name}:8080")).collect();
    let configuration = yaml("deploy/monitoring/prometheus.yml");
    let job = &items(&configuration["scrape_configs"])[0];
    assert_eq!(job["job_name"].as_str(), Some("onsale"), "the rules go by this name");
    let targets = items(&job["static_configs"]).iter().flat_map(|group| items(&group["targets"]));
    let targets: BTreeSet<String> = targets.filter_map(|target| Some(target.as_str()?.to_owned())).collect();
    assert_eq!(targets, expected);
}

#[test]
fn secrets_are_in_files_of_their_own() {
    let configuration = text("deploy/monitoring/alertmanager.yml");
    let grafana = text("deploy/monitoring/grafana/grafana.ini");
    let lines = configuration.lines().chain(grafana.lines()).filter(|line| !line.trim().starts_with('#'));
    let about_secrets: Vec<&str> = lines.filter(|line| line.contains("password")).collect();
    assert_eq!(about_secrets.len(), 2, "{about_secrets:?}");
    for line in about_secrets {
        assert!(line.contains("/run/secrets/"), "{line}");
    }
}

#[test]
fn names_are_read_out_of_expressions() {
    let expression =
        r#"sum by (le) (rate(onsale_a_bucket{route="onsale_b{x}"}[5m])) / onsale:c:d > other[2m]"#;
    assert_eq!(figures(expression), BTreeSet::from(["onsale_a_bucket", "onsale:c:d", "other"]));
    assert_eq!(anchor("OnsaleHotStoreDown"), "onsale-hot-store-down");
}
