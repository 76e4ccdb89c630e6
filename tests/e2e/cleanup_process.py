"""One clean-up as a process of its own, its log on stdout: it is there to be killed."""

import json

from handlers import handle
from shared import events, runtime
from shared.transport import Deadline

if __name__ == "__main__":
    EVENT = {"specversion": "1.0", "id": "tick-1", "source": "/ping", "type": "apig.cleanup.due", "data": {}}
    outcome = handle(lambda: events.parse(json.dumps(EVENT)), runtime.current, Deadline.after(60))
    raise SystemExit(outcome.status == "failed")
