"""Options of the typesetting tests: `pytest tests/typeset --update` draws the golden pictures anew."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write tests/typeset/golden/*.png instead of comparing")
