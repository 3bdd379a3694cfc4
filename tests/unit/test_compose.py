"""compose.yaml: what must hold of a site that others can reach. No container was started for these tests."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.config import PROJECT_ROOT, Settings

FILE = PROJECT_ROOT / "compose.yaml"
SERVICE_KEYS = {
    "image", "build", "restart", "init", "read_only", "cap_drop", "cap_add", "security_opt", "tmpfs", "volumes",
    "networks", "depends_on", "logging", "environment", "command", "healthcheck", "ports", "shm_size",
    "stop_grace_period",
}  # fmt: skip
"""Those of the Compose specification that are used here; a misspelt one would be no error of YAML."""
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, its anchors followed."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services by name."""
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_all_parts_are_there_and_every_key_is_known(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    assert set(services) == {"proxy", "web", "worker", "db"}
    assert {key for key in compose if not key.startswith("x-")} == {"name", "services", "networks", "volumes"}
    for service in services.values():
        assert set(service) <= SERVICE_KEYS
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS


def test_the_proxy_alone_can_be_reached(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert compose["networks"]["back"] == {"internal": True}
    assert services["db"]["networks"] == ["back"]
    assert "back" not in services["proxy"]["networks"]


def test_nothing_may_write_outside_of_its_volumes(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (source.startswith("./") and volume.endswith(":ro"))
            assert not source.startswith("./") or (PROJECT_ROOT / source).exists()


def test_every_service_says_whether_it_is_well(services: dict[str, dict[str, Any]]) -> None:
    """The web service by the check of its image; the worker listens nowhere."""
    assert "test" in services["proxy"]["healthcheck"] and "test" in services["db"]["healthcheck"]
    assert services["worker"]["healthcheck"] == {"disable": True}
    assert "healthcheck" not in services["web"]
    assert "/readyz" in (PROJECT_ROOT / "Dockerfile").read_text("utf-8").partition("HEALTHCHECK")[2]
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["proxy"]["depends_on"] == {"web": {"condition": "service_healthy"}}


def test_no_secret_stands_in_the_file(services: dict[str, dict[str, Any]]) -> None:
    """Passwords come from .env; without one nothing starts."""
    text = FILE.read_text("utf-8")
    assert len(re.findall(r"\$\{POSTGRES_PASSWORD:\?", text)) == 2
    assert "${YIQIAO_DOMAIN:?" in text
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    offered = set(re.findall(r"^([A-Z_]+)=$", (PROJECT_ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert asked == offered


def test_its_environment_makes_the_settings_that_it_means(
    services: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"POSTGRES_PASSWORD": "p4ss", "YIQIAO_DOMAIN": "yiqiao.example", "YIQIAO_MAIL_FROM": "a@yiqiao.example"}
    monkeypatch.chdir(tmp_path)
    for name, value in services["web"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda m: given.get(m[1], ""), value))
    settings = Settings()
    assert settings.resolved_database_url == "postgresql+psycopg://yiqiao:p4ss@db:5432/yiqiao"
    assert (settings.worker, settings.log_format, settings.proxy_hops) == ("apart", "json", 1)
    assert settings.sends_cookies_by_https_alone and "web" in settings.known_hosts
    assert settings.site_url == "https://yiqiao.example"
    # What is left empty in .env is not set.
    assert (settings.smtp_url, settings.metrics_token) == (None, None)
    assert services["worker"]["environment"] == services["web"]["environment"]
    assert services["web"]["command"] == ["yiqiao", "serve", "--processes", "2"]


def test_the_proxy_ends_tls_and_says_who_asks() -> None:
    text = (PROJECT_ROOT / "deploy" / "Caddyfile").read_text("utf-8")
    for part in (
        "tls /certificates/fullchain.pem /certificates/key.pem",
        "Strict-Transport-Security",
        "max_size",
        "header_up X-Forwarded-For {remote_host}",
        "reverse_proxy web:8000",
        "respond @inside 404",
    ):
        assert part in text
    assert text.count("{") == text.count("}")
