"""The error answers: the vendor's codes with their status and text, and the error bodies."""

from http import HTTPStatus
from typing import Any, Literal

from sandbox.records import hex_id

# Status and text by code. The text is that of the example on the page BatchDisassociateDomainsV2, if it has one. The
# others are from appendix/error_codes.rst (APIG.1xxx to 9xxx, APIC), published_api_calling/error_codes.rst (APIG.0xxx)
# and the appendix of the IAM reference (IAM).
TEXTS: dict[str, tuple[int, str]] = {
    "APIG.0101": (404, "The API does not exist or has not been published in the environment."),
    "APIG.0201": (413, "Request entity too large."),
    "APIG.0301": (401, "Incorrect IAM authentication information."),
    "APIG.0302": (403, "The IAM user is not authorized to access the API."),
    "APIG.0307": (401, "The token must be updated."),
    "APIG.0308": (429, "The throttling threshold has been reached."),
    "APIG.0310": (403, "The project is unavailable."),
    "APIG.0601": (500, "Internal server error."),
    "APIG.1000": (401, "Token missing. Log in again or try again later."),
    "APIG.1001": (401, "Session expired. Please try again later."),
    "APIG.1002": (401, "Incorrect token or token resolution failed"),
    "APIG.1003": (401, "Token contains no project information."),
    "APIG.1005": (403, "No permissions to request this method"),
    "APIG.1010": (401, "PDP server connection failed."),
    "APIG.1115": (403, "No permissions to perform operations on this certificate."),
    "APIG.2000": (400, "Parameter error."),
    "APIG.2001": (400, "The request parameters must be specified."),
    "APIG.2011": (400, "Invalid parameter value."),
    "APIG.2012": (400, "Invalid parameter value,parameterName:domain_id. Please refer to the support documentation"),
    "APIG.2051": (400, "A domain name cannot be bound with different certificates."),
    "APIG.2102": (400, "The certificate has expired."),
    "APIG.2103": (400, "The certificate domain name and the custom domain name do not match."),
    "APIG.3001": (404, "The API group does not exist"),
    "APIG.3020": (404, "The URL domain does not exist"),
    "APIG.3021": (404, "The SSL certificate does not exist."),
    "APIG.3025": (404, "The certificate does not exist."),
    "APIG.3030": (404, "The instance does not exist."),
    "APIG.3097": (404, "The binding record of this SSL certificate and domain name does not exist."),
    "APIG.3309": (400, "The operation has already been performed."),
    "APIG.3711": (409, "A configuration parameter can be modified only once per minute."),
    "APIG.3718": (409, "An instance task is currently being processed."),
    "APIG.9008": (500, "Too many requests. Try again later."),
    "APIG.9999": (500, "System error"),
    "APIC.7100": (401, "Token missing. Log in again or try again later."),
    "APIC.7101": (401, "Token expired. Try again later."),
    "APIC.7102": (401, "Incorrect token or token resolution failed"),
    "APIC.7103": (401, "Token contains no project information."),
    "APIC.7106": (403, "No permissions to request for the method"),
    "APIC.7118": (403, "User domain does not match."),
    "APIC.7302": (404, "Instance not found"),
    "APIC.7701": (409, "Instance status conflict."),
    "APIC.9000": (500, "Failed to request internal service"),
    "IAM.0001": (401, "The request you have made requires authentication."),
    "IAM.0002": (403, "You are not authorized to perform the requested action."),
    "IAM.0004": (404, "Could not find the requested resource."),
    "IAM.0006": (500, "An unexpected error prevented the server from fulfilling your request."),
    "IAM.0007": (400, "Request parameter is invalid."),
    "IAM.0011": (400, "Request body is invalid."),
    "IAM.0012": (429, "The throttling threshold has been reached. Threshold: 60 times per 60 seconds"),
    "IAM.0061": (401, "Account locked."),
    "IAM.0066": (401, "The token has expired."),
    "IAM.0067": (401, "Invalid token."),
}


class Refusal(Exception):
    """An error answer. Text and status are those of the table, unless given."""

    def __init__(self, error_code: str, error_msg: str | None = None, status: int | None = None) -> None:
        known_status, known_text = TEXTS.get(error_code, (500, "System error"))
        self.error_code = error_code
        self.error_msg = known_text if error_msg is None else error_msg
        self.status = status or known_status
        super().__init__(f"{self.status} {error_code} {self.error_msg}")


def gateway_body(refusal: Refusal) -> dict[str, Any]:
    """The error body of API Gateway; errors of its front gateway (APIG.0xxx) also have a request id."""
    body = {"error_code": refusal.error_code, "error_msg": refusal.error_msg}
    # common_errors_related_to_iam_authentication_information.rst shows request_id beside the two other fields.
    return {**body, "request_id": hex_id()} if refusal.error_code.startswith("APIG.0") else body


def iam_body(refusal: Refusal, envelope: Literal["error", "error_code"]) -> dict[str, Any]:
    """The error body of IAM, in one of the two envelopes that its pages show."""
    if envelope == "error_code":
        return {"error_code": refusal.error_code, "error_msg": refusal.error_msg}
    title = HTTPStatus(refusal.status).phrase
    return {"error": {"code": refusal.status, "message": refusal.error_msg, "title": title}}
