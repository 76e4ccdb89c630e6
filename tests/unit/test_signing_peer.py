"""Our signatures beside those of huaweicloudsdkcore, the vendor's own client."""

import json
import random
import string
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from shared.core.secret import Secret
from shared.credentials.content import AccessKey
from shared.credentials.signing import sign

HOST = "apig.eu-de.otc.t-systems.com"
# Everything but "/" and "%", of which the two make different segments, and no request of ours has either.
ODD = string.ascii_letters + string.digits + "-_.~!$&'()*+,;=:@ äß€*"


def text(chance: random.Random, longest: int = 12) -> str:
    return "".join(chance.choices(ODD, k=chance.randint(1, longest)))


def test_both_clients_send_the_same_authorization():
    """For 200 random requests: methods, paths, queries, headers and bodies."""
    chance = random.Random(20240416)
    assert [ours == theirs for ours, theirs in (both(chance) for _ in range(200))] == [True] * 200


def both(chance: random.Random) -> tuple[str, str]:
    """What both clients make of one request."""
    key = AccessKey(
        "".join(chance.choices(string.ascii_uppercase + string.digits, k=20)),
        Secret(text(chance, 40)),
        Secret("".join(chance.choices(string.ascii_letters + "+/=", k=300))) if chance.random() < 0.3 else None,
    )
    # Each segment has a letter: one of dots alone is resolved before it is sent, and no path of ours has one.
    path = "/" + "/".join("x" + text(chance) for _ in range(chance.randint(1, 6)))
    query = [(text(chance), text(chance)) for _ in range(chance.randint(0, 5))]
    body = json.dumps({text(chance): text(chance, 300)}, ensure_ascii=False) if chance.random() < 0.6 else ""
    headers = {"Content-Type": "application/json"} if body or chance.random() < 0.5 else {}
    project_id = f"{chance.getrandbits(128):032x}" if chance.random() < 0.7 else None
    moment = datetime.fromtimestamp(chance.randint(1_600_000_000, 1_900_000_000), UTC)
    method = chance.choice(["GET", "POST", "PUT", "DELETE"])

    encoded = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"https://{HOST}{quote(path, safe='/')}{'?' if encoded else ''}{encoded}"
    ours = httpx.Request(method, url, content=body.encode(), headers=headers)
    sign(ours, key, moment, project_id)

    headers |= {"X-Sdk-Date": moment.strftime("%Y%m%dT%H%M%SZ")}
    headers |= {"X-Project-Id": project_id} if project_id else {}
    headers |= {"X-Security-Token": key.security_token.reveal()} if key.security_token else {}
    request = SdkRequest(method, "https", HOST, path, None, query, headers, body.encode())
    theirs = Signer(BasicCredentials(key.access_key, key.secret_key.reveal())).sign(request)
    return ours.headers["Authorization"], theirs.header_params["Authorization"]
