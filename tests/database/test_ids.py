"""Keys made by the thousand are keys like any other."""

import uuid

from emite.database.ids import texts, uuid7


def test_many_at_once_are_of_version_7_of_this_moment_and_all_different() -> None:
    before, made, after = uuid7(), [uuid.UUID(text) for text in texts(2_000)], uuid7()
    assert len(set(made)) == 2_000
    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert all(before.int >> 80 <= each.int >> 80 <= after.int >> 80 for each in made)
    assert {f"{each.int >> 60 & 0xF:x}" for each in made} == set("89ab")
