"""RUN's command line -> the simple commands that `&&` joins."""

from __future__ import annotations

import shlex

_OPERATORS = frozenset("();<>|&")


def commands(text: str) -> list[list[str]]:
    """The words of each command. Raises ValueError for anything a shell would have to be there for."""
    if "`" in text or "$(" in text:
        raise ValueError("command substitution is not supported")
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[list[str]] = [[]]
    for word in lexer:
        if word == "&&":
            found.append([])
        elif word and set(word) <= _OPERATORS:
            raise ValueError(f"{word!r} is not supported: join plain commands with &&")
        else:
            found[-1].append(word)
    if not all(found):
        raise ValueError("an empty command")
    return found
