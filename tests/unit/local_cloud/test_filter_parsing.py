"""The grammar of filters: which tree a text makes in each dialect, and what is wrong with it."""

import pytest

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.parsing import MAX_DEPTH, Dialect, parse, split_path
from local_cloud.google.filters.tree import EVERYTHING, All, AnyOf, Anywhere, Call, Comparison, Literal, Node, Not


def compared(name: str, value: str, operator: str = "=") -> Node:
    return Comparison((name,), operator, Literal(value, value))


A, B, C = Anywhere("a"), Anywhere("b"), Anywhere("c")


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("text", ["", " \n", "-- only words\n"])
def test_nothing_chooses_everything(dialect: Dialect, text: str) -> None:
    assert parse(text, dialect) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a OR b AND c", All((AnyOf((A, B)), C))),
        ("a b OR c", All((A, AnyOf((B, C))))),
        ("(a AND b) OR c", AnyOf((All((A, B)), C))),
        ("NOT -a", Not(Not(A))),
        ("ORDER=android", compared("ORDER", "android")),
        ("NOTE AND-ROID", All((Anywhere("NOTE"), Anywhere("AND-ROID")))),
        ('"AND" a', All((Anywhere("AND"), A))),
        ("f=(x OR NOT y)", AnyOf((compared("f", "x"), Not(compared("f", "y"))))),
        ("f>-1", Comparison(("f",), ">", Literal("-1", "-1"))),
        (r'f=~"\d\"\u0041"', Comparison(("f",), "=~", Literal('d"A', r"\d\"\u0041", is_quoted=True))),
        ('l."a.b".c:*', Comparison(("l", "a.b", "c"), ":", Literal("*", "*"))),
        ('log_id("x")', Call("log_id", (Literal("x", "x", is_quoted=True),))),
        ('log_id ( x, "y" )', Call("log_id", (Literal("x", "x"), Literal("y", "y", is_quoted=True)))),
        ('a -- OR b\n"c" (b)', All((A, C, B))),
    ],
)
def test_loggings_trees(text: str, tree: Node) -> None:
    assert parse(text, Dialect.LOGGING) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            "a=true OR b=true c=true",
            AnyOf((compared("a", "true"), All((compared("b", "true"), compared("c", "true"))))),
        ),
        ("a >= -1.5", Comparison(("a",), ">=", Literal("-1.5", "-1.5", is_number=True))),
        ("a = 'it'", Comparison(("a",), "=", Literal("it", "it", is_quoted=True))),
        ("a = f()", Comparison(("a",), "=", Call("f", ()))),
        ("-a = x.y('1')", Not(Comparison(("a",), "=", Call("x.y", (Literal("1", "1", is_quoted=True),))))),
    ],
)
def test_monitorings_trees(text: str, tree: Node) -> None:
    assert parse(text, Dialect.MONITORING) == tree


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("opening", ["- ", "NOT ", "(-"])
def test_a_filter_that_is_nested_too_deep_is_refused(dialect: Dialect, opening: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + 'a="x"' + ")" * (depth * opening.count("("))

    assert isinstance(parse(nested(MAX_DEPTH), dialect), Not)
    for depth in (MAX_DEPTH + 1, 4000):
        with pytest.raises(BadFilter, match="nested more than"):
            parse(nested(depth), dialect)
    with pytest.raises(BadFilter, match="nested more than"):
        parse(f"a=({'NOT ' * 4000}b)", Dialect.LOGGING)


def test_parentheses_alone_nest_nothing() -> None:
    assert parse("(" * 4000 + "a" + ")" * 4000, Dialect.LOGGING) == A


def test_a_path_is_split_at_dots_outside_of_quotation_marks() -> None:
    assert split_path(r'metric.labels."a.\"b\"".c') == ("metric", "labels", 'a."b"', "c")
