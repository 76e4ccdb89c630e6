"""One clean-up as a process of its own, its log on stdout: it is there to be killed."""

import json

from handlers import handle
from shared.core.delivery import Deadline, Delivery
from shared.wiring import Runtime

if __name__ == "__main__":
    EVENT = {"specversion": "1.0", "id": "tick-1", "source": "/ping", "type": "apig.cleanup.due", "data": {}}
    outcome = handle(Delivery(json.dumps(EVENT), Deadline.after(60)), Runtime())
    raise SystemExit(outcome.status == "failed")
