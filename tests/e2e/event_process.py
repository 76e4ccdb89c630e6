"""One event, read from stdin, as a process of its own with its log on stdout: it is there to be killed."""

import sys

from handlers import handle
from shared.core.delivery import Deadline, Delivery
from shared.wiring import Runtime

if __name__ == "__main__":
    handle(Delivery(sys.stdin.read(), Deadline.after(60)), Runtime())
