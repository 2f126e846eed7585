"""Sessions of roles are registered from several threads at once."""

import importlib
import threading

import pytest

from localcloud.gateway.identity import register_sessions_in_turn


class AnotherBegins(dict):
    """A session during whose first inspection another thread registers one."""

    def __init__(self, register):
        super().__init__(Arn="one")
        self.thread = threading.Thread(target=register, args=("another", {"Arn": "another"}))

    def get(self, *arguments):
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(0.2)
        return super().get(*arguments)


@pytest.fixture
def sts(monkeypatch):
    module = importlib.import_module("ministack.services.sts")
    monkeypatch.setattr(module, "_sessions", {})
    monkeypatch.setattr(module, "register_session", module.register_session)
    return module


def test_sessions_that_begin_at_once_are_all_registered(sts):
    register_sessions_in_turn()
    first = sts._sessions["first"] = AnotherBegins(sts.register_session)
    sts.register_session("second", {"Arn": "two"})
    first.thread.join(10)
    assert set(sts._sessions) == {"first", "second", "another"}


def test_without_turns_one_of_them_fails(sts):
    """As long as this is so, the turns are needed."""
    sts._sessions["first"] = AnotherBegins(sts._sessions.__setitem__)
    with pytest.raises(RuntimeError, match="changed size"):
        sts.register_session("second", {"Arn": "two"})
