"""FunctionGraph's side of the handler contract, for a process of its own: `python functiongraph_driver.py JOB.json FD`.

The job names the folder of the code, the handler and the initializer. Each line on stdin is one invocation, and its
answer is one line on FD. stdout and stderr belong to the function. This is written from "Using the FunctionGraph
context" and "Initializer function" of the Python developer guide. Each context adds a handler to the root logger, as
the context for developers (`fn_runtime_context`) does.
"""
# ruff: noqa: N802 - the platform's names

import importlib
import json
import logging
import os
import sys
import time
from pathlib import Path


class Context:
    def __init__(self, job, invocation):
        self._job = job
        self._invocation = invocation
        self._ends = time.time() + invocation.get("timeout", job["timeout"])
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(f"platform {self.getRequestID()} %(levelname)s %(message)s"))
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.INFO)

    def getRequestID(self):
        return self._invocation.get("request_id", "request-0")

    def getRemainingTimeInMilliSeconds(self):
        return int((self._ends - time.time()) * 1000)

    def getRunningTimeInSeconds(self):
        return self._invocation.get("timeout", self._job["timeout"])

    def getUserData(self, key):
        return self._job["user_data"].get(key)

    def getProjectID(self):
        return self._job["project_id"]

    def getToken(self):
        return self._invocation.get("token", "")

    def getSecurityAccessKey(self):
        return ""

    def getSecuritySecretKey(self):
        return ""

    def getSecurityToken(self):
        return ""

    def getFunctionName(self):
        return "apig-certificate-detach"

    def getVersion(self):
        return "latest"

    def getMemorySize(self):
        return 256

    def getCPUNumber(self):
        return 300

    def getPackage(self):
        return "default"

    def getAlias(self):
        return ""

    def getLogger(self):
        return logging.getLogger()


def called(function, *arguments):
    """What the platform answers: the result, or the error's message and type."""
    try:
        return {"result": json.loads(json.dumps(function(*arguments)))}
    except Exception as exc:  # noqa: BLE001 - whatever a function raises
        return {"errorMessage": str(exc), "errorType": type(exc).__name__}


def function_of(setting):
    """`index.handler` → the function."""
    module, _, name = setting.rpartition(".")
    return getattr(importlib.import_module(module), name)


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:0] = [*job["first"], job["code"]]
    handler = function_of(job["handler"])
    with os.fdopen(int(sys.argv[2]), "w", encoding="utf-8") as answers:
        begun = called(function_of(job["initializer"]), Context(job, {})) if job["initializer"] else {"result": None}
        print(json.dumps(begun), file=answers, flush=True)
        for line in sys.stdin:
            invocation = json.loads(line)
            answer = called(handler, invocation["event"], Context(job, invocation))
            print(json.dumps(answer), file=answers, flush=True)


main()
