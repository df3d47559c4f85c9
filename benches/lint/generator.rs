//! Trees to lint: the same for everybody, from a fixed seed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Files in one directory; a repository of thousands in one is rare, and slow to walk for everybody.
const EACH_DIRECTORY: usize = 100;

/// Writes `count` Deployments, one a file: 32 lines and 700 bytes on average, 1.6 containers, of which two in
/// three leave their root filesystem writable and one in twenty is privileged.
pub(crate) fn deployments(root: &Path, count: usize) {
    let mut random = Random(42);
    for index in 0..count {
        let directory = root.join(format!("team-{:02}", index / EACH_DIRECTORY));
        fs::create_dir_all(&directory).unwrap();
        let name = format!("app-{index:05}");
        fs::write(directory.join(format!("{name}.yaml")), deployment(&name, &mut random)).unwrap();
    }
}

/// Writes a tree of a platform team: charts with their templates, kustomizations, plain manifests, values and
/// other YAML that is no Kubernetes; `count` files in all, of which a fifth belongs to charts.
pub(crate) fn mixed(root: &Path, count: usize) {
    let mut random = Random(7);
    for index in 0..count {
        let (path, text) = mixed_file(index, &mut random);
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn mixed_file(index: usize, random: &mut Random) -> (String, String) {
    let (group, place) = (index / 20, index % 20);
    let name = format!("svc-{index:04}");
    match place {
        0 => (
            format!("charts/c{group:02}/Chart.yaml"),
            format!("apiVersion: v2\nname: c{group:02}\nversion: 1.0.0\n"),
        ),
        1 => (format!("charts/c{group:02}/values.yaml"), "replicas: 2\nimage: nginx\n".to_owned()),
        2 | 3 => {
            let manifest = deployment("{{ .Release.Name }}", random)
                .replace("replicas: 1", "replicas: {{ .Values.replicas }}");
            (format!("charts/c{group:02}/templates/{name}.yaml"), manifest)
        }
        4 => (
            format!("overlays/o{group:02}/kustomization.yaml"),
            "resources:\n- deployment.yaml\nnamePrefix: prod-\n".to_owned(),
        ),
        5 => (format!("overlays/o{group:02}/deployment.yaml"), deployment(&name, random)),
        6 | 7 => (format!("ci/{name}.yml"), "stages: [build, test]\nbuild: {script: [make]}\n".to_owned()),
        _ => (format!("apps/a{group:02}/{name}.yaml"), deployment(&name, random)),
    }
}

fn deployment(name: &str, random: &mut Random) -> String {
    let mut text = String::with_capacity(1024);
    let namespace = random.below(40);
    _ = write!(
        text,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: team-{namespace}\n  \
         labels:\n    app: {name}\nspec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: {name}\n  \
         template:\n    metadata:\n      labels:\n        app: {name}\n    spec:\n"
    );
    if random.below(4) == 0 {
        text.push_str("      automountServiceAccountToken: false\n");
    }
    text.push_str("      containers:\n");
    container(&mut text, "app", random);
    if random.below(10) < 5 {
        container(&mut text, "sidecar", random);
    }
    if random.below(10) == 0 {
        text.push_str("      initContainers:\n");
        container(&mut text, "migrate", random);
    }
    text
}

fn container(text: &mut String, name: &str, random: &mut Random) {
    let (image, tag) = (random.below(500), random.below(30));
    _ = write!(
        text,
        "      - name: {name}\n        image: registry.example.org/team/image-{image}:1.{tag}.0\n"
    );
    if random.below(2) == 0 {
        text.push_str("        ports:\n        - containerPort: 8080\n          name: http\n");
    }
    if random.below(3) == 0 {
        text.push_str("        env:\n        - name: LOG_LEVEL\n          value: info\n");
    }
    if random.below(2) == 0 {
        text.push_str(
            "        resources:\n          requests:\n            cpu: 100m\n            memory: 64Mi\n",
        );
    }
    let (read_only, privileged) = (random.below(3) == 0, random.below(20) == 0);
    let (no_root, no_escalation) = (random.below(3) == 0, random.below(3) == 0);
    if !(read_only || privileged || no_root || no_escalation) {
        return;
    }
    text.push_str("        securityContext:\n");
    for (is_set, line) in [
        (read_only, "readOnlyRootFilesystem: true"),
        (privileged, "privileged: true"),
        (no_root, "runAsNonRoot: true"),
        (no_escalation, "allowPrivilegeEscalation: false"),
    ] {
        if is_set {
            _ = writeln!(text, "          {line}");
        }
    }
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
