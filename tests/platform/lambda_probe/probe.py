"""Handlers that look at the runtime from inside, and at what our function loads into it. Never packaged."""

import importlib.util
import sys


def importable(event, context):
    """Which of these modules could be imported here."""
    return [name for name in event if importlib.util.find_spec(name) is not None]


def surroundings(event, context):
    """The version, and where imports come from."""
    return {"version": list(sys.version_info[:2]), "path": sys.path}


def loaded_by(event, context):
    """Run our function. Tell its answer, and for each module loaded by then its file and its bytecode's file."""
    before = {module.__name__ for module in list(sys.modules.values())}
    door = importlib.import_module("lambda_function")
    answer = door.certificate_expiry(event, context)
    loaded = {name: module for name, module in list(sys.modules.items()) if name not in before}
    return {
        "answer": answer,
        "files": {name: getattr(module, "__file__", None) for name, module in loaded.items()},
        "bytecode": {name: getattr(module, "__cached__", None) for name, module in loaded.items()},
    }
