"""S from the outside world, random S, the lattice of S."""

import itertools
import math

import numpy as np
import pytest
import tiny
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import penalties
from simplexnas.space.operations import DEFAULT_OPERATIONS

points = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda x: sum(x) > 1e-3)
points = points.map(lambda x: [value / sum(x) for value in x])
spaces = st.text(" \t\n", max_size=2)


def refused(value, operations=DEFAULT_OPERATIONS) -> str:
    """The message of the one exception that bad input may raise."""
    with pytest.raises(SimplexNASError) as error:
        penalties.parse(value, operations)
    message = str(error.value)
    assert len(message.splitlines()) == 1 and message.startswith("S = ") and len(message) < 300
    assert f"S is {len(operations)} numbers" in message and "sum 1 within 0.01" in message
    return message


def accepts_or_refuses(value) -> None:
    try:
        S = penalties.parse(value, DEFAULT_OPERATIONS)
    except SimplexNASError:
        refused(value)
    else:
        assert S.shape == (3,) and S.dtype == np.float64 and (S >= 0).all()
        assert S.sum() == pytest.approx(1, abs=1e-12)


@given(S=points, brackets=st.sampled_from(["", "[]", "()"]), gaps=st.lists(spaces, min_size=8, max_size=8))
def test_strings(S, brackets, gaps):
    opening, closing = brackets or ("", "")
    words = [f"{before}{value!r}{after}" for value, before, after in zip(S, gaps, gaps[3:], strict=False)]
    text = f"{gaps[6]}{opening}{','.join(words)}{closing}{gaps[7]}"
    np.testing.assert_allclose(penalties.parse(text, DEFAULT_OPERATIONS), S, atol=1e-12)


@given(
    S=points,
    make=st.sampled_from(
        [
            list,
            tuple,
            np.array,
            torch.tensor,
            lambda S: torch.tensor(S, dtype=torch.float64, requires_grad=True),
            lambda S: [str(value) for value in S],
            lambda S: list(np.array(S)),
            lambda S: list(torch.tensor(S, dtype=torch.float64)),
            lambda S: " ".join(map(str, S)),
        ]
    ),
)
def test_containers(S, make):
    np.testing.assert_allclose(penalties.parse(make(S), DEFAULT_OPERATIONS), S, atol=1e-6)


def test_half_precision_tensor():
    S = torch.tensor([0.25, 0.25, 0.5], dtype=torch.bfloat16)
    assert penalties.parse(S, DEFAULT_OPERATIONS).tolist() == [0.25, 0.25, 0.5]


@pytest.mark.parametrize("value", ["0.33, 0.33, 0.33", (0.33, 0.33, 0.33), "[.335,.335,.34]", [0.33] * 3])
def test_rounded_S_of_the_paper_is_renormalised(value):
    S = penalties.parse(value, DEFAULT_OPERATIONS)
    assert S.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(S, 1 / 3, atol=0.01)


def test_whole_numbers_and_other_lengths():
    assert penalties.parse([1, 0, 0], DEFAULT_OPERATIONS).tolist() == [1, 0, 0]
    assert penalties.parse("0.2,0.2,0.2,0.2,0.2", tiny.FIVE_OPERATIONS).tolist() == [0.2] * 5


@pytest.mark.parametrize(
    ("value", "shown", "reason"),
    [
        ("0.5,0.5", "0.5,0.5", "2 components"),
        ("", "S = :", "0 components"),
        ("[]", "[]", "0 components"),
        ("0.5", "0.5", "1 component;"),
        ("0.25,0.25,0.25,0.25", "0.25,0.25,0.25,0.25", "4 components"),
        ("0.2,0.2,0.2", "0.2,0.2,0.2", "the sum is 0.6"),
        ("0.4,0.4,0.3", "0.4,0.4,0.3", "the sum is 1.1"),
        ("-0.1,0.5,0.6", "-0.1,0.5,0.6", "negative"),
        ("nan,0.5,0.5", "nan,0.5,0.5", "not finite"),
        ("inf,0,0", "inf,0,0", "not finite"),
        ("a,b,c", "a,b,c", "not a number"),
        ("0.2,,0.8", "0.2,,0.8", "not a number"),
        ("[0.2,0.3,0.5", "[0.2,0.3,0.5", "not a number"),
        ("a\nb\nc", "a b c", "not a number"),
        ([0.2, 0.3, None], "[0.2, 0.3, None]", "not a number"),
        ([True, False, False], "[True, False, False]", "not a number"),
        ([0.2, 0.3, 0.5j], "0.5j", "not a number"),
        ([[0.2, 0.3, 0.5]], "[[0.2, 0.3, 0.5]]", ""),
        ([[0.2], [0.3, 0.5], []], "[[0.2], [0.3, 0.5], []]", ""),
        ([10**400, 0, 0], "1000", "not a number"),
        ([10**5000, 0, 0], "", "not a number"),
        ([1e308] * 3, "1e+308", "the sum is inf"),
        (np.eye(3), "array", "not a list"),
        ([np.zeros((2, 2)), np.zeros((2, 3)), 1], "array", ""),
        (np.array(0.5), "array(0.5)", "not a list"),
        (np.array([0.2, 0.3, 0.5j]), "0.5j", "not a number"),
        (torch.eye(3), "tensor", "not a list"),
        (torch.tensor([0.2, 0.3, 0.5j]), "tensor", "not a number"),
        (None, "None", "not a list"),
        (0.5, "0.5", "not a list"),
        ({"a": 1}, "{'a': 1}", "not a list"),
        ("0.1," * 1000, "...", "1000 components"),
    ],
)
def test_bad_input_is_one_line_with_value_and_rule(value, shown, reason):
    message = refused(value)
    assert shown in message and reason in message


@given(st.text() | st.text("0123456789.,-+e[]() \n"))
@example("\x1c,\u2028,\x85")
@example("1_0,0,0")
def test_any_text(text):
    accepts_or_refuses(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_object(value):
    accepts_or_refuses(value)


@given(st.lists(st.floats() | st.integers(), min_size=3, max_size=3))
def test_any_three_numbers(values):
    accepts_or_refuses(values)
    if not all(0 <= v <= 1.01 for v in values) or abs(sum(values) - 1) > 0.0101:
        refused(values)


# Random S


@pytest.mark.parametrize("corner_share", [0.0, 0.25, 1.0])
def test_samples_lie_on_the_simplex(corner_share):
    S = penalties.sample(2000, 3, corner_share, torch.Generator().manual_seed(0))
    assert S.shape == (2000, 3) and (S >= 0).all()
    torch.testing.assert_close(S.sum(dim=1), torch.ones(2000))


@pytest.mark.parametrize(("corner_share", "concentration"), [(0.0, 1.0), (1.0, 0.5)])
@pytest.mark.parametrize("k", [3, 5])
def test_moments_are_those_of_the_dirichlet_distribution(corner_share, concentration, k):
    S = penalties.sample(40_000, k, corner_share, torch.Generator().manual_seed(1)).double()
    variance = (1 / k) * (1 - 1 / k) / (k * concentration + 1)
    np.testing.assert_allclose(S.mean(dim=0), 1 / k, atol=4 * (variance / 40_000) ** 0.5)
    np.testing.assert_allclose(S.var(dim=0), variance, rtol=0.05)


# The lattice


@pytest.mark.parametrize(("k", "step"), [(3, 0.05), (3, 0.1), (3, 1), (2, 0.25), (5, 0.2)])
def test_lattice(k, step):
    S = penalties.lattice(k, step)
    n = round(1 / step)
    assert S.shape == (math.comb(n + k - 1, k - 1), k)
    listed = {row for row in itertools.product(range(n + 1), repeat=k) if sum(row) == n}
    assert {tuple(row) for row in (S * n).round(9).astype(int)} == listed


def test_lattice_of_the_book():
    assert len(penalties.lattice(3, 0.05)) == 231


@pytest.mark.parametrize("step", [0, -0.1, 0.3, 2, 0.07, 1e-320, 1 / 1001, float("nan"), float("inf")])
def test_bad_step(step):
    with pytest.raises(SimplexNASError, match=r"step = .*allowed"):
        penalties.lattice(3, step)
