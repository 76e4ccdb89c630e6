"""The servers, each started once, and their secrets under watch."""

from collections.abc import Iterator

import pytest

from tests.leaks import WATCH
from tests.services import keystone, moto, openbao


@pytest.fixture(scope="session", name="keystone")
def _keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[keystone.Keystone]:
    folder = tmp_path_factory.mktemp("keystone")
    WATCH.keep(folder)  # its own state and logs
    with keystone.running(folder) as running:
        WATCH.add([running.password])
        yield running


@pytest.fixture(scope="session", name="bao")
def _bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openbao.OpenBao]:
    folder = tmp_path_factory.mktemp("openbao")
    WATCH.keep(folder)  # its own state and logs
    with openbao.running(folder) as running:
        WATCH.add([running.root_token, running.unseal_key])
        yield running


@pytest.fixture(scope="session", name="manager")
def _manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[moto.SecretsManager]:
    with moto.running(tmp_path_factory.mktemp("moto")) as running:
        yield running
