# SPDX-License-Identifier: Apache-2.0
"""Mutants of a C file: each is the file with one small mistake in it, as a person makes them.

C is read as tokens, not parsed: enough for code in this tree's layout. A mutant keeps the number of lines, so that
what says __LINE__ says the same. Some mutants do not compile, and some compile to what was there before; who builds
them finds out.
"""

import re
from typing import NamedTuple


class Mutant(NamedTuple):
    start: int  # in the text of the file
    end: int
    text: str  # what comes in the place of that
    kind: str

    def apply(self, source):
        lines = source.count("\n", self.start, self.end) - self.text.count("\n")
        return source[:self.start] + self.text + "\n" * lines + source[self.end:]


class Token(NamedTuple):
    start: int
    end: int
    text: str
    kind: str  # name, number, string, op


TOKEN = re.compile(r"""
      (?P<blank>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:\\\n|[^\n])*)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<number>\d\w*)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)

SWAPS = {
    "<": ("<=", ">=", "!="), "<=": ("<", ">"), ">": (">=", "<=", "!="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "&&": ("||",), "||": ("&&",),
    "+": ("-",), "-": ("+",), "/": ("*",), "%": ("/",), "+=": ("-=",), "-=": ("+=",), "++": ("--",), "--": ("++",),
    "<<": (">>",), ">>": ("<<",), "&": ("|",), "|": ("&",), "|=": ("=", "&="), "&=": ("=", "|="),
    "__ATOMIC_RELEASE": ("__ATOMIC_RELAXED",), "__ATOMIC_ACQUIRE": ("__ATOMIC_RELAXED",),
    "__ATOMIC_SEQ_CST": ("__ATOMIC_ACQ_REL", "__ATOMIC_RELAXED"),
    "true": ("false",), "false": ("true",), "break": ("continue",), "continue": ("break",),
}
KINDS = {
    "relation": "< <= > >= == !=", "logic": "&& ||", "arithmetic": "+ - / % += -= ++ --", "bits": "<< >> & | |= &=",
    "ordering": "__ATOMIC_RELEASE __ATOMIC_ACQUIRE __ATOMIC_SEQ_CST", "constant": "true false",
    "flow": "break continue",
}
KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}
TYPES = re.compile(r"\(((?:const |unsigned |struct )*(?:u?int\d+_t|int|char|size_t|long|bool))\)")
# No mutant of these: a static assertion concerns the compiler.
SKIPPED = ("_Static_assert",)


def tokens_of(source):
    return [Token(m.start(), m.end(), m.group(), m.lastgroup) for m in TOKEN.finditer(source) if m.lastgroup != "blank"]


def closing(tokens, idx):
    """The token that closes the bracket at @idx."""
    depth = 0
    for i in range(idx, len(tokens)):
        depth += tokens[i].text in "([{" and tokens[i].kind == "op"
        depth -= tokens[i].text in ")]}" and tokens[i].kind == "op"
        if not depth:
            return i
    raise ValueError("a bracket that is not closed")


def is_binary(tokens, idx):
    """Whether the operator at @idx has an operand on its left, and is no part of a declaration."""
    before = tokens[idx - 1]
    return (before.kind in ("number", "string") or before.text in (")", "]")
            or before.kind == "name" and before.text not in ("return", "case"))


def swaps(tokens, idx):
    token = tokens[idx]
    if token.kind == "string" or token.text not in SWAPS:
        return
    if token.text in "+-&" and not is_binary(tokens, idx):
        return
    for text in SWAPS[token.text]:
        yield Mutant(token.start, token.end, text, KIND_OF[token.text])


def numbers(tokens, idx):
    token = tokens[idx]
    match = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([uUlL]*)", token.text)
    if token.kind != "number" or not match:
        return
    for step in (1, -1):
        yield Mutant(token.start, token.end, f"({int(match[1], 0)}{match[2]} {'+' if step > 0 else '-'} 1)", "constant")


def negations(tokens, idx, source):
    """A condition that is turned round, a `!` or a `~` that is not there."""
    token = tokens[idx]
    if token.text in ("if", "while") and tokens[idx + 1].text == "(":
        start, end = tokens[idx + 1].start, tokens[closing(tokens, idx + 1)].end
        text = source[start:end]
        # Of one that begins with `!` and has no second part there is a mutant without it.
        if not re.match(r"\(![^&|]*\)$", text):
            yield Mutant(start, end, "(!" + text + ")", "condition")
    if token.kind == "op" and token.text in ("!", "~"):
        yield Mutant(token.start, token.end, "", "condition" if token.text == "!" else "bits")


def statements(tokens, idx, source):
    """A statement that is not there, a value that another is returned for, a member that is not set."""
    token, before = tokens[idx], tokens[idx - 1]
    starts = before.text in (";", "{", "}", ")", "else", ":") and not (
        before.text == ")" and not follows_condition(tokens, idx - 1))
    if token.kind == "op" and token.text not in ("*", "(", "++", "--"):
        if token.text == "." and before.text in ("{", ",") and tokens[idx + 2].text == "=":
            end = end_of_member(tokens, idx)
            yield Mutant(token.start, tokens[end].end, "", "member")
        return
    if not starts or token.text in ("if", "for", "while", "do", "switch", "case", "default", "else", "static"):
        return
    end = end_of_statement(tokens, idx)
    if end is None:
        return
    if token.text == "return":
        value = source[tokens[idx + 1].start:tokens[end].start]
        for text in returned_instead(value):
            yield Mutant(tokens[idx + 1].start, tokens[end].start, text, "return")
    elif token.text in ("goto", "break", "continue") or is_expression(tokens, idx, end):
        yield Mutant(token.start, tokens[end].start, "", "statement")


def returned_instead(value):
    """Other values than the text @value."""
    if value == ";":
        return []
    if value in ("0", "false"):
        return ["-1"] if value == "0" else []
    if value in ("1", "true"):
        return ["0"] if value == "1" else []
    return ["0", "1"]


def follows_condition(tokens, idx):
    """Whether the `)` at @idx ends the condition of an if, a while or a for."""
    depth = 0
    for i in range(idx, 0, -1):
        depth += tokens[i].text == ")"
        depth -= tokens[i].text == "("
        if not depth:
            return tokens[i - 1].text in ("if", "while", "for")
    return False


def end_of_statement(tokens, idx):
    """The `;` of the simple statement at @idx."""
    i = idx
    while tokens[i].text not in (";", "}"):
        i = closing(tokens, i) + 1 if tokens[i].text in ("(", "[", "{") else i + 1
    return i if tokens[i].text == ";" else None


def end_of_member(tokens, idx):
    i = idx
    while tokens[i].text not in (",", "}", ";"):
        i = closing(tokens, i) + 1 if tokens[i].text in ("(", "[", "{") else i + 1
    return i if tokens[i].text == "," else i - 1


def is_expression(tokens, idx, end):
    """Whether the statement is a call, an assignment or a step, and declares nothing."""
    texts = [t.text for t in tokens[idx:end]]
    if tokens[idx].text in ("*", "(", "++", "--"):
        return True
    if len(texts) < 2 or tokens[idx].kind != "name":
        return False
    return texts[1] in ("(", "=", "->", ".", "[", "++", "--", "+=", "-=", "|=", "&=")


def casts(source):
    """A cast that is not there: most of ours cut a sum to the 16 bits of an index."""
    for match in TYPES.finditer(source):
        yield Mutant(match.start(), match.end(), "", "cast")


def mutants_of(source):
    """All mutants of @source, in its order."""
    tokens = tokens_of(source)
    found = []
    skip_to = 0
    depth = 0
    for i in range(1, len(tokens) - 3):
        if tokens[i].text in SKIPPED:
            skip_to = tokens[end_of_statement(tokens, i)].end
        if tokens[i].start < skip_to:
            continue
        depth += (tokens[i].text == "{") - (tokens[i].text == "}")
        if not depth:
            continue  # between functions
        found += swaps(tokens, i)
        found += numbers(tokens, i)
        found += negations(tokens, i, source)
        found += statements(tokens, i, source)
    blank = [(m.start(), m.end()) for m in TOKEN.finditer(source) if m.lastgroup in ("blank", "string")]
    found += [m for m in casts(source) if not any(a <= m.start < b for a, b in blank)]
    return sorted(set(found))
