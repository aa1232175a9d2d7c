"""What is missing before a deployment is named with what to run, and what it costs is what the documents say."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests
from tests.infra.deployment import REPOSITORY, deployed

from commands.deploy.google_project import GoogleProject
from commands.deploy.prices import CACHE, DATABASE, FUNCTION, monthly, price_monthly
from commands.deploy.requirements import APIS, RIGHTS, find_missing_rights
from commands.deploy.verification import unhealthy


@contextmanager
def google(enabled: Collection[str], held: Collection[str]) -> Iterator[GoogleProject]:
    """The two APIs of Google's that are asked, for a project in which so much is there."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = "ENABLED" if self.path.rpartition("/")[2] in enabled else "DISABLED"
            self._answer(200, {"state": state})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["permissions"]
            self._answer(200, {"permissions": [permission for permission in asked if permission in held]})

        def _answer(self, status: int, content: Mapping[str, object]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield GoogleProject("utxoiq-prod", requests.Session(), url, url)
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_is_missing_where_everything_is_there() -> None:
    with google(APIS, RIGHTS) as project:
        assert list(find_missing_rights(project)) == []


def test_apis_that_are_off_are_named_with_the_command() -> None:
    with google(APIS[:1], RIGHTS) as project:
        assert list(find_missing_rights(project)) == [
            f"APIs are off: gcloud services enable {APIS[1]} --project utxoiq-prod"
        ]


def test_a_role_that_is_missing_is_named_once() -> None:
    with google(APIS, RIGHTS.keys() - {"cloudsql.instances.create", "serviceusage.services.enable"}) as project:
        (problem,) = find_missing_rights(project)
    assert problem.endswith("add-iam-policy-binding utxoiq-prod --member MEMBER --role roles/editor")


def test_the_roles_are_those_of_the_documents() -> None:
    text = (REPOSITORY / "docs/deployment.md").read_text()
    section = text[text.index("## Who deploys") :]
    assert set(RIGHTS.values()) == set(re.findall(r"`(roles/[\w.]+)`", section)) - {"roles/billing.costsManager"}


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_prices_are_those_of_the_documents(stack: str) -> None:
    text = (REPOSITORY / "docs/cost.md").read_text()
    deployment = deployed(stack)
    column = {"prod": 4, "dev": 6}[stack]

    def documented(row: str) -> int:
        (line,) = (line for line in text.splitlines() if line.startswith(f"| {row}"))
        return int(line.split("|")[column])

    def declared(type_: str) -> float:
        return sum(price_monthly(type_, found.inputs) for found in deployment.all(type_.removeprefix("gcp:")))

    database = documented("Cloud SQL, vCPU and memory") + documented("Cloud SQL, SSD")
    assert declared(DATABASE) == pytest.approx(database, abs=1)
    assert declared(CACHE) == pytest.approx(documented("Memorystore"), abs=1)
    assert declared(FUNCTION) == pytest.approx(documented("functions, instances kept warm"), abs=1)


def test_a_domain_costs_what_the_documents_say_without_requests() -> None:
    with_domain, without = (
        monthly((found.type, found.inputs) for found in deployed("prod", changes).google())
        for changes in ({"domain": "api.utxoiq.com"}, {})
    )
    assert with_domain - without == pytest.approx(38 - 10 * 0.75, abs=1)


def test_a_function_that_is_not_healthy_is_named() -> None:
    with google((), ()) as project:
        url = project.service_usage
        assert list(unhealthy({"feedback": url}, {"/api/v1/feedback": "feedback"})) == []
    (problem,) = unhealthy({"feedback": url}, {"/api/v1/feedback": "feedback"})
    assert problem.startswith(f"feedback: {url}/health cannot be reached")
