"""The answers of API Gateway and IAM."""

from tests.corpus.replies import bodies, iam, listings, refusals
from tests.corpus.replies.case import ReplyCase

REPLIES: list[ReplyCase] = [*listings.CASES, *bodies.CASES, *refusals.CASES, *iam.CASES]
