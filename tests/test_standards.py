"""The marks of the tests and the standards list agree."""

from tests.standards import listed, shown


def test_every_mark_names_a_statement_of_the_list() -> None:
    assert set(shown()) <= set(listed())


def test_the_list_names_each_statement_once() -> None:
    assert len(listed()) == len(set(listed()))
