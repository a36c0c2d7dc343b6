//! What deploy/ promises, read out of its files: Docker is not needed for that.
//!
//! Invariant: the stores keep what they are given and are reached by nobody else; nothing runs as root; no secret
//! has a default.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder").to_owned()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn compose() -> Yaml {
    YamlLoader::load_from_str(&text("deploy/compose.yaml")).expect("deploy/compose.yaml is YAML").remove(0)
}

/// A member, also where it is merged in (`<<`).
fn member<'a>(of: &'a Yaml, name: &str) -> &'a Yaml {
    match &of[name] {
        Yaml::BadValue => &of["<<"][name],
        found => found,
    }
}

fn services(compose: &Yaml) -> Vec<(&str, &Yaml)> {
    let services = compose["services"].as_hash().expect("there are services");
    services.iter().map(|(name, service)| (name.as_str().expect("services have names"), service)).collect()
}

/// Every text below a value, keys left out.
fn texts(value: &Yaml) -> Vec<&str> {
    match value {
        Yaml::String(text) => vec![text],
        Yaml::Array(items) => items.iter().flat_map(texts).collect(),
        Yaml::Hash(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The names that a service's list or map of them has.
fn names(value: &Yaml) -> BTreeSet<&str> {
    match value {
        Yaml::Array(items) => items.iter().filter_map(Yaml::as_str).collect(),
        Yaml::Hash(members) => members.keys().filter_map(Yaml::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn redis_syncs_and_refuses_rather_than_forgets() {
    let compose = compose();
    let redis = &compose["services"]["redis"];
    let command = texts(&redis["command"]).join(" ");
    for promise in
        ["--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction", "--dir /data"]
    {
        assert!(command.contains(promise), "{promise} is not in {command}");
    }
    assert!(command.contains("exec redis-server"), "it has to get the signal to end itself: {command}");
    assert!(texts(&redis["volumes"]).contains(&"redis:/data"), "what it syncs has to outlive it");
    assert!(
        texts(&compose["services"]["postgres"]["volumes"]).contains(&"postgres:/var/lib/postgresql/data")
    );
}

#[test]
fn only_the_gateway_is_reached_from_outside() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let ports = texts(member(service, "ports"));
        match name {
            "nginx" => assert_eq!(ports.len(), 1, "{ports:?}"),
            // Who looks at the sale sits on this machine, or comes through a tunnel.
            "grafana" => assert!(ports.len() == 1 && ports[0].starts_with("127.0.0.1:"), "{ports:?}"),
            _ => assert!(ports.is_empty(), "{name} is reached at {ports:?}"),
        }
        assert!(member(service, "network_mode").is_badvalue(), "{name} has a network of its own");
    }
    assert_eq!(compose["networks"]["stores"]["internal"].as_bool(), Some(true));
    for store in ["postgres", "redis"] {
        assert_eq!(names(&compose["services"][store]["networks"]), BTreeSet::from(["stores"]), "of {store}");
    }
    assert!(!names(&compose["services"]["nginx"]["networks"]).contains("stores"));
    assert_eq!(compose["networks"]["monitoring"]["internal"].as_bool(), Some(true));
}

#[test]
fn the_monitoring_is_there_when_asked_for_and_keeps_to_itself() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let profiles = texts(member(service, "profiles"));
        let is_monitoring = ["prometheus", "alertmanager", "grafana"].contains(&name);
        assert_eq!(profiles, if is_monitoring { vec!["monitoring"] } else { Vec::new() }, "of {name}");
        let networks = names(member(service, "networks"));
        let on_others = networks.contains("stores") || networks.contains("gateway");
        assert!(!is_monitoring || !on_others, "{name} is on {networks:?}");
        let is_watched = is_monitoring || name.starts_with("onsale-");
        assert_eq!(networks.contains("monitoring"), is_watched, "{name} is on {networks:?}");
    }
    // What is mounted from here is here, but for the secrets, which nobody but the operator makes.
    let ignored = text(".gitignore");
    assert!(ignored.lines().any(|line| line == "/deploy/monitoring/secrets"), "{ignored}");
    for (name, service) in services(&compose) {
        for mount in texts(member(service, "volumes")).into_iter().filter(|mount| mount.starts_with("./")) {
            let file = mount.split(':').next().expect("there is always a first part");
            assert!(root().join("deploy").join(file).exists(), "{name} mounts {file}");
            assert!(mount.ends_with(":ro"), "{name} may write to {file}");
        }
    }
    for (name, secret) in compose["secrets"].as_hash().expect("there are secrets") {
        let file = secret["file"].as_str().unwrap_or_default();
        assert!(file.starts_with("./monitoring/secrets/"), "{name:?} is in {file}");
    }
}

#[test]
fn nothing_runs_as_root_or_with_rights_it_does_not_need() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert_eq!(texts(member(service, "cap_drop")), ["ALL"], "of {name}");
        assert_eq!(texts(member(service, "security_opt")), ["no-new-privileges:true"], "of {name}");
        assert!(member(service, "privileged").is_badvalue(), "{name}");
        let image = member(service, "image").as_str().expect("every service has an image");
        let by_itself = image.starts_with("onsale:") || image.starts_with("nginxinc/nginx-unprivileged:");
        let user = member(service, "user").as_str();
        assert!(by_itself || user.is_some_and(|user| !["root", "0"].contains(&user)), "{name} as {user:?}");
    }
    let last = last_stage();
    assert!(last.iter().any(|line| line == "USER nonroot"), "{last:?}");
}

#[test]
fn everything_is_watched_and_comes_back() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert_eq!(member(service, "restart").as_str(), Some("unless-stopped"), "{name}");
        let watched = !member(service, "healthcheck").is_badvalue();
        assert!(watched != name.starts_with("onsale-"), "onsale brings its own check, {name} needs one");
        let waits_for = member(service, "depends_on").as_hash().into_iter().flatten();
        for (other, how) in waits_for {
            assert_eq!(how["condition"].as_str(), Some("service_healthy"), "{name} for {other:?}");
        }
    }
    let last = last_stage().join("\n");
    assert!(
        last.contains("HEALTHCHECK") && last.contains(r#"["/usr/local/bin/onsale", "check-health"]"#),
        "{last}"
    );
}

#[test]
fn no_secret_has_a_default() {
    let file = text("deploy/compose.yaml");
    let example = text("deploy/.env.example");
    let mut asked_for = BTreeSet::new();
    for (position, _) in file.match_indices("${") {
        let inside = file[position + 2..].split('}').next().expect("there is always a first part");
        let name: String = inside.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        if name.contains("PASSWORD") || name.contains("SECRET") {
            assert!(inside[name.len()..].starts_with(":?"), "{inside} has to be refused where it is empty");
            assert!(example.lines().any(|line| line == format!("{name}=")), "{name} in .env.example");
        } else {
            assert!(example.contains(&format!("#{name}=")), "{name} in .env.example");
        }
        asked_for.insert(name);
    }
    assert!(asked_for.len() >= 4, "{asked_for:?}");
    let compose = compose();
    for (name, service) in services(&compose) {
        let members = member(service, "environment").as_hash().into_iter().flatten();
        for (variable, value) in members {
            let variable = variable.as_str().unwrap_or_default();
            let value = value.as_str().unwrap_or_default();
            let is_secret = ["PASSWORD", "SECRET", "AUTH", "URL"].iter().any(|word| variable.contains(word));
            assert!(!is_secret || value.contains(":?"), "{variable} of {name} is {value}");
        }
    }
}

#[test]
fn both_processes_have_the_same_stores_and_trust_the_gateway_alone() {
    let compose = compose();
    let gateway = &compose["services"]["nginx"]["networks"]["gateway"]["ipv4_address"];
    let configuration = text("deploy/nginx/nginx.conf");
    let mut addresses = BTreeSet::from([gateway.as_str()]);
    for name in ["onsale-1", "onsale-2"] {
        let service = &compose["services"][name];
        let environment = member(service, "environment");
        assert_eq!(environment["ONSALE_TRUSTED_PROXIES"].as_str(), gateway.as_str());
        assert_eq!(environment, member(&compose["services"]["onsale-1"], "environment"));
        for setting in ["ONSALE_DATABASE_URL", "ONSALE_REDIS_URL", "ONSALE_SECRET"] {
            assert!(environment[setting].as_str().is_some(), "{setting}");
        }
        assert!(configuration.contains(&format!("server {name}:8080 ")), "nginx does not know {name}");
        let address = service["networks"]["gateway"]["ipv4_address"].as_str();
        assert!(address.is_some() && addresses.insert(address), "nginx looks {name} up once: {address:?}");
        assert!(names(&service["networks"]).contains("stores"));
    }
}

#[test]
fn images_are_pinned_and_what_is_copied_is_there() {
    let compose = compose();
    let dockerfile = text("Dockerfile");
    let of_services =
        services(&compose).into_iter().filter_map(|(_, service)| member(service, "image").as_str());
    let bases = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .map(|line| line.split_whitespace().next().expect("FROM names an image"));
    for image in of_services.chain(bases) {
        let tag = image.rsplit_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{image}");
    }
    let ignored = text(".dockerignore");
    let program = dockerfile.split("AS program").nth(1).expect("there is a stage that builds the program");
    let sources =
        program.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"));
    for source in sources.flat_map(|line| line.split_whitespace().rev().skip(1)) {
        assert!(root().join(source).exists(), "{source} is copied and not there");
        assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is copied and ignored");
    }
}

/// The lines of the Dockerfile's last stage.
fn last_stage() -> Vec<String> {
    let dockerfile = text("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().expect("there is always a last part");
    last.lines().map(str::to_owned).collect()
}
