"""What is counted, and what deploy/ makes of it."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from kfusion.serve.app import create_app
from kfusion.serve.refusal import STATUS
from kfusion.serve.service_metrics import ServiceMetrics
from kfusion.serve.settings import ServerSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def exported() -> dict[str, set[str]]:
    """The labels of every series of `/metrics`."""
    found = {}
    for family in ServiceMetrics().registry.collect():
        collector = ServiceMetrics().registry._names_to_collectors[family.name]
        labels = {*collector._labelnames, "instance", "job"}
        found |= {f"{family.name}{ending}": labels | {"le"} for ending in ENDINGS[family.type]}
    return found


def expressions() -> list[str]:
    yaml = pytest.importorskip("yaml")
    rules = yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    return [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_of_the_rules_and_the_dashboard_is_exported() -> None:
    known = exported()
    asked = {name for text in expressions() for name in re.findall(r"\bkfusion_\w+", text)}
    assert asked <= set(known)
    assert {name for name in known if name.endswith(("_total", "_bucket")) or "streams" in name} <= asked


def test_every_label_that_is_asked_for_is_there() -> None:
    known = exported()
    for text in expressions():
        for name, labels in re.findall(r"\b(kfusion_\w+)\{(.*?)\}", text):
            assert set(re.findall(r"(\w+)=", labels)) <= known[name]


def test_every_rule_that_another_reads_is_recorded() -> None:
    yaml = pytest.importorskip("yaml")
    rules = yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())["groups"][0]["rules"]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert {name for text in expressions() for name in re.findall(r"\bkfusion:[\w:]+", text)} <= recorded
    assert all(rule["annotations"]["summary"] for rule in rules if "alert" in rule)


def test_the_codes_that_rules_watch_are_counted() -> None:
    codes = {code for text in expressions() for code in re.findall(r'code="(\w+)"', text)}
    assert codes
    assert codes <= set(STATUS)


def manifest() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    parts = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return next(part for part in parts if part["kind"] == "Deployment")


def test_the_manifest_asks_paths_and_passes_settings_that_there_are() -> None:
    pod = manifest()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    routes = {route.path for route in create_app(ServerSettings()).routes if isinstance(route, APIRoute)}
    assert paths == {"/healthz", "/readyz"} <= routes
    flags = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    settings = ServerSettings(**{name[2:].replace("-", "_"): float(value) for name, value in flags.items()})
    waits_s = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > settings.drain_s + waits_s


def test_ready_is_one_until_it_is_told_to_stop(url: str) -> None:
    assert "kfusion_ready 1.0" in httpx.get(f"{url}/metrics").text
