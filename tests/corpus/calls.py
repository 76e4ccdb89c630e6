"""The calls to API Gateway and IAM, and what each gives, as JSON."""

from collections.abc import Callable
from typing import Any

import httpx

from shared.apig.client import ApigClient
from shared.core.errors import DetachError
from shared.core.models import Binding, Certificate
from shared.core.plan import Entry
from shared.core.secret import Secret
from shared.credentials.content import Password, Token
from shared.credentials.iam import Iam
from shared.transport.send import Reply, Transport
from tests.corpus.replies.case import CERTIFICATE, GATEWAY, PASSWORD, TOKEN, Call


class _NoCredentials:
    """Requests go without credentials, and no answer is taken for their refusal."""

    def prove(self, _request: httpx.Request, _subject: str) -> Callable[[Reply], DetachError | None]:
        return lambda _: None


def call(name: Call, transport: Transport, url: str) -> Any:  # noqa: PLR0911 - one for each call
    """What the call gives, as JSON; raises a DetachError."""
    client = ApigClient(transport, _NoCredentials(), url, "project")
    iam = Iam(f"{url}/v3")
    match name:
        case "instances":
            return [[each.id, each.running] for each in client.instances()]
        case "groups":
            return [_group(each.domains) for each in client.api_groups(GATEWAY)]
        case "certificates":
            return [_certificate(each) for each in client.certificates(GATEWAY)]
        case "certificate":
            return _certificate(client.certificate(CERTIFICATE))
        case "attached":
            return [
                [each.domain, each.instance_id, each.resolves, each.verified_client_certificate_enabled]
                for each in client.attached_domains(CERTIFICATE)
            ]
        case "detach":
            client.write("detach", CERTIFICATE, [Entry((Binding("apigtest.example.com", GATEWAY),))], 1)
            return "done"
        case "login":
            token = iam.log_in(Password("user", Secret(PASSWORD), "D", "p"), transport, 0.0)
            return [token.expires_at, token.project_id]
        case "project":
            return iam.project_of(Token(Secret(TOKEN)), transport)
        case "named":
            return iam.project_named("eu-de", transport, _NoCredentials())


def _certificate(each: Certificate) -> list[Any]:
    moment = each.not_after
    return [each.id, each.common_name, None if moment is None else moment.isoformat().replace("+00:00", "Z")]


def _group(domains: Any) -> Any:
    if domains is None:
        return None
    return [
        [each.certificate_id, each.binding.domain, each.binding.instance_id, each.binding.resolves] for each in domains
    ]
