"""The shipped Prometheus configuration by Prometheus' own tool; alerts against their runbook."""

import re
import subprocess

from lab import RULES, SOURCE

import ask

ALERTS = re.findall(r"^ +- alert: (\w+)$", (RULES / "alerts.yml").read_text(), re.MULTILINE)
RUNBOOK = (SOURCE / "deploy" / "runbook.md").read_text()


def run(*words: str) -> None:
    done = subprocess.run(words, cwd=RULES, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_configuration_is_valid(promtool):
    run(promtool, "check", "config", "prometheus.yml")


def test_rules_are_valid(promtool):
    run(promtool, "check", "rules", "--lint-fatal", "recording.yml", "alerts.yml")


def test_every_alert_fires_on_what_it_is_for_and_not_before(promtool):
    run(promtool, "test", "rules", "alerts_test.yml")


def test_every_alert_has_a_test_and_a_section_of_the_runbook():
    assert ALERTS
    tests = (RULES / "alerts_test.yml").read_text()
    for alert in ALERTS:
        assert f"alertname: {alert}\n" in tests, f"{alert} has no test in alerts_test.yml"
        assert f"\n## {alert}\n" in RUNBOOK, f"{alert} has no section in deploy/runbook.md"
        link = f"deploy/runbook.md#{alert.lower()}\n"
        assert link in (RULES / "alerts.yml").read_text(), f"{alert} does not name its section"


def test_every_section_of_the_runbook_is_of_an_alert():
    assert sorted(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == sorted(ALERTS)


def test_every_rule_was_evaluated_on_a_real_server(lab):
    rules = [rule for group in ask.get(lab.url, "rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} >= set(ALERTS)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_alerts_see_what_went_wrong_in_the_replay_and_nothing_else(lab):
    """A client left out steps and an electrode fell silent; of long waits they are pending."""
    seen = {alert["labels"]["alertname"] for alert in ask.get(lab.url, "alerts")["alerts"]}
    assert {"MillracePartsRefused", "MillraceChannelsSilent"} <= seen
    assert not seen & {"MillraceDown", "MillraceUnhealthy", "MillraceStreamsQuarantined",
                       "MillraceLostSteps", "MillraceCallsFail", "MillraceDiverged"}
