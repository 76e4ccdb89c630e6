"""The servers. Each is started once, and the tests watch that its secrets appear nowhere."""

from collections.abc import Iterator

import pytest

from tests.services import keystone, moto, openbao
from tests.support.leaks import WATCH


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
