"""Rows of the API's answers: what is left out, what is odd, and what is told of an answer that is not documented."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.apig.paging import all_rows
from shared.apig.replies import CertificateRow, GroupRow, Instance, InstanceRow, adapter, list_of, validated
from shared.core.errors import Unavailable
from shared.core.models import Certificate

ID = "a27be832f2e9441c8127fe48e3b5ac67"


@pytest.mark.parametrize(
    ("fields", "gateway"),
    [
        ({}, Instance(ID, "", running=True)),
        ({"status": None, "instance_name": None}, Instance(ID, "", running=True)),
        ({"status": "Running", "instance_name": "blue"}, Instance(ID, "blue", running=True)),
        ({"status": "Frozen"}, Instance(ID, "", running=False)),
    ],
)
def test_a_gateway_without_a_status_counts_as_running(fields: dict[str, Any], gateway: Instance):
    """The field is optional; a gateway that was left out for it would keep its dead certificates."""
    assert validated(adapter(InstanceRow), {"id": ID, **fields}, "GET instances").instance() == gateway


@pytest.mark.parametrize(
    ("not_after", "moment"),
    [
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("1999-12-31T23:59:59Z", None),
        (None, None),
    ],
)
def test_a_date_before_the_year_2000_is_none(not_after: str | None, moment: datetime | None):
    """API Gateway is younger than such a certificate. One without a common name has an empty one."""
    fields = {"id": ID, "not_after": not_after}
    assert validated(adapter(CertificateRow), fields, "GET certificates").certificate() == Certificate(ID, "", moment)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([{"id": ID}, {"id": 7}], r"1\.id: .+"),
        ({"id": ID}, "the body: Input should be a valid list"),
    ],
)
def test_an_answer_that_is_not_documented_is_told_by_its_place(content: Any, told: str):
    """With the call, and never with what stands there."""
    with pytest.raises(Unavailable, match=f"^GET instances answered with what is not documented: {told}$") as caught:
        validated(list_of(InstanceRow), content, "GET instances")
    assert ID not in caught.value.message


def test_a_row_with_an_id_is_not_one_without():
    """The first row of a page is not the last of the page before: the rows have moved, and no complete listing came."""

    def page(bounds: Any) -> dict[str, Any]:
        row = {"id": "g"} if bounds["offset"] == 0 else {"remark": "no id"}
        return {"total": 900, "groups": [row] * 500}

    with pytest.raises(Unavailable, match="^GET groups: the rows moved while they were read, 4 times in a row$"):
        list(all_rows(page, "groups", GroupRow, "GET groups"))
