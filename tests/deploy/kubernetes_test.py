"""The Kubernetes manifests: their schema, and that what they name one another by exists."""

from __future__ import annotations

import shutil

import grpc
import pytest
from conftest import DEPLOY, run, setting

yaml = pytest.importorskip("yaml")

KUBERNETES = DEPLOY / "kubernetes"
OLDEST, NEWEST = "1.27", "1.37"  # gRPC probes and kept claims are stable from 1.27 on
GIBIBYTE = 1 << 30


def resources(folder=KUBERNETES) -> list[dict]:
    return [resource for file in sorted(folder.glob("*.yaml")) if file.name != "kustomization.yaml"
            for resource in yaml.safe_load_all(file.read_text())]


def one(kind: str, name: str = "millrace", folder=KUBERNETES) -> dict:
    (found,) = [resource for resource in resources(folder)
                if (resource["kind"], resource["metadata"]["name"]) == (kind, name)]
    return found


def pod() -> dict:
    return one("StatefulSet")["spec"]["template"]


def container() -> dict:
    (only,) = pod()["spec"]["containers"]
    return only


def configuration() -> str:
    return one("ConfigMap")["data"]["millraced.textproto"]


def selects(selector: dict, labels: dict) -> bool:
    return selector.items() <= labels.items()


@pytest.mark.parametrize("version", (OLDEST, NEWEST))
def test_every_manifest_has_the_shape_of_its_kind(version):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for resource in resources():
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("folder", (KUBERNETES, KUBERNETES / "monitoring"))
def test_the_kustomization_lists_every_manifest(folder):
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    there = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("folder", (KUBERNETES, KUBERNETES / "monitoring"))
def test_kustomize_renders_the_manifests(folder):
    words = next((words for words in (["kustomize", "build"], ["kubectl", "kustomize"])
                  if shutil.which(words[0])), None)
    if words is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    rendered = run(*words, folder)
    assert rendered.returncode == 0, rendered.stdout
    kinds = [resource["kind"] for resource in yaml.safe_load_all(rendered.stdout)]
    assert sorted(kinds) == sorted(resource["kind"] for resource in resources(folder))


def test_whoever_selects_the_pod_finds_it():
    labels = pod()["metadata"]["labels"]
    assert selects(one("StatefulSet")["spec"]["selector"]["matchLabels"], labels)
    assert selects(one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], labels)
    assert selects(one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"], labels)
    for name in ("millrace", "millrace-headless"):
        assert selects(one("Service", name)["spec"]["selector"], labels)


def test_every_port_is_one_where_the_server_listens():
    named = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert {f"0.0.0.0:{named['grpc']}", f"0.0.0.0:{named['metrics']}"} == {
        setting(configuration(), "listen"), setting(configuration(), "metrics_listen")}
    for name in ("millrace", "millrace-headless"):
        for port in one("Service", name)["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"]
    for rule in one("NetworkPolicy")["spec"]["ingress"]:
        assert all(port["port"] in named for port in rule["ports"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["grpc"]["port"] == named["grpc"]


def test_the_set_is_named_by_its_headless_service():
    headless = one("Service", one("StatefulSet")["spec"]["serviceName"])
    assert headless["spec"]["clusterIP"] == "None"


def test_the_store_is_on_a_claim_that_is_kept_and_the_configuration_is_mounted():
    spec = one("StatefulSet")["spec"]
    mounted = {mount["mountPath"]: mount["name"] for mount in container()["volumeMounts"]}
    (claim,) = spec["volumeClaimTemplates"]
    assert mounted[setting(configuration(), "store")] == claim["metadata"]["name"]
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    file = container()["args"][container()["args"].index("--config") + 1]
    (volume,) = pod()["spec"]["volumes"]
    assert mounted[file.rsplit("/", 1)[0]] == volume["name"]
    assert file.rsplit("/", 1)[1] in one("ConfigMap", volume["configMap"]["name"])["data"]


def test_the_server_has_time_to_drain_and_memory_beside_its_streams():
    drain_s = int(setting(configuration(), "drain_timeout_s"))
    assert pod()["spec"]["terminationGracePeriodSeconds"] > drain_s
    limit = int(container()["resources"]["limits"]["memory"].removesuffix("Gi")) * GIBIBYTE
    assert int(setting(configuration(), "memory_limit_bytes")) == limit * 3 // 4


def test_the_pod_meets_the_restricted_profile_that_its_namespace_enforces():
    enforced = one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    of_pod, of_container = pod()["spec"]["securityContext"], container()["securityContext"]
    assert of_pod["runAsNonRoot"] and of_pod["runAsUser"] > 0
    assert of_pod["seccompProfile"]["type"] == "RuntimeDefault"
    assert of_container["capabilities"] == {"drop": ["ALL"]}
    assert of_container["allowPrivilegeEscalation"] is False


def test_the_monitor_selects_one_service_and_gives_the_job_that_the_rules_name():
    monitor = one("ServiceMonitor", folder=KUBERNETES / "monitoring")["spec"]
    selected = [resource for resource in resources() if resource["kind"] == "Service"
                and selects(monitor["selector"]["matchLabels"], resource["metadata"]["labels"])]
    (service,) = selected
    ports = {port["name"] for port in service["spec"]["ports"]}
    assert all(endpoint["port"] in ports for endpoint in monitor["endpoints"])
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"] for job in scraped["scrape_configs"]}
    assert service["metadata"]["labels"][monitor["jobLabel"]] in jobs


def test_a_server_that_serves_passes_the_probes(address):
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        serving = check(b"", timeout=10)  # HealthCheckRequest without a service
    assert serving == b"\x08\x01"  # status: SERVING
