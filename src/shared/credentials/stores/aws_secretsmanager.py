"""`aws-secretsmanager:ID`: a secret of AWS Secrets Manager, by name or ARN, through the layer that AWS offers for it.

The AWS Parameters and Secrets Lambda Extension listens on this machine, signs for the function's role, and keeps each
answer for `SECRETS_MANAGER_TTL` (300 s): a rotated secret is seen that much later, and nothing makes it look earlier.
"""

from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.credentials.stores.remote import KEEP_FOR, Cached, Question, Server, undocumented
from shared.transport.send import Reply, Transport

_CHECK = (
    "that the function has the layer AWS-Parameters-and-Secrets-Lambda-Extension, and"
    " PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
)


def open_store(secret_id: str, process: Process) -> Store:
    """Asks the extension every five minutes at most, and again when the secret has been refused."""
    uri = f"aws-secretsmanager:{secret_id}"
    get = process.get
    server = Server(uri, process.client(None), _refusal, _CHECK)
    used: Secret | None = None  # the session token: redacted as long as it is in use

    def ask(transport: Transport) -> tuple[Secret, float]:
        nonlocal used
        port = get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT") or "2773"
        if not port.isascii() or not port.isdigit():
            raise ConfigurationError(f"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: {port!r} is no port")
        if not (session := get("AWS_SESSION_TOKEN")):
            raise ConfigurationError(f"SECRET_URI: {uri}: AWS_SESSION_TOKEN is not set; the scheme is for AWS Lambda")
        # GET /secretsmanager/get?secretId=  ("Use AWS Secrets Manager secrets in AWS Lambda functions")
        path = "/secretsmanager/get"
        used = Secret(session)
        headers = {"X-Aws-Parameters-Secrets-Token": used.reveal()}
        question = Question("GET", f"http://localhost:{port}", path, headers, params={"secretId": secret_id})
        fields = server.ask(transport, question)
        text = fields.get("SecretString")
        if not isinstance(text, str) or not text:  # a binary secret has SecretBinary instead
            raise undocumented(uri, "SecretString")
        return Secret(text), KEEP_FOR

    return Cached(ask)


def _refusal(begin: str, reply: Reply) -> DetachError:
    # The extension's own errors are plain text without secrets. Still, only known words of them are repeated.
    text = reply.body[:2000].decode(errors="replace").lower()
    if "not ready to serve traffic" in text:
        return Unavailable(f"{begin}: the extension is not ready yet", status=reply.status)
    if reply.status >= 500 or "throttling" in text or reply.status == 429:
        return Unavailable(f"{begin}; check that the function reaches Secrets Manager", status=reply.status)
    for sign, meaning in _MEANINGS.items():
        if sign in text:
            return ConfigurationError(f"{begin}: {meaning}", status=reply.status)
    return ConfigurationError(
        f"{begin}; check the secret's id and region, and that the function's role has secretsmanager:GetSecretValue",
        status=reply.status,
    )


_MEANINGS = {
    "resourcenotfound": "there is no such secret; check its id, and that it is in the function's region and account",
    "accessdenied": "access denied; give the function's role secretsmanager:GetSecretValue, and kms:Decrypt",
    "decryptionfailure": "it cannot be decrypted; give the function's role kms:Decrypt for the secret's key",
}
