import re

from collab import errors


def tree(kind: type, depth: int = 0):
    yield kind.__name__, depth
    for child in kind.__subclasses__():
        yield from tree(child, depth + 1)


def test_the_docstring_draws_the_tree_that_is_there():
    drawn = [
        (match["name"], len(match["rails"]) // 4)
        for match in re.finditer(r"^(?P<rails>[│├└─ ]*)(?P<name>\w+)", errors.__doc__.split("\n\n", 1)[1], re.M)
    ]
    assert sorted(drawn) == sorted(tree(errors.CollabError))


def test_every_message_of_a_user_error_is_a_sentence():
    raised = [
        errors.InvalidAnswer("x", ("a",)), errors.InvalidPolicy("n", 0, "at least 1"),
        errors.UnreadableFile("f.csv", "it is empty."),
        errors.UnknownName("project", "x"), errors.StoreBusy("db"), errors.StoreReadOnly("db"), errors.StoreFull("db"),
        errors.StoreCorrupt("db", "why"), errors.StoreNewer("db", "9", "1"),
    ]  # fmt: skip
    assert all(str(error).endswith(".") for error in raised)
