"""The ticket's code: what people type is read kindly, what is mistyped is found without a look-up."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from emite.charges.code import ALPHABET, LENGTH, check_symbol, grouped, new_code, read_code

bodies = st.text(alphabet=ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1)


def test_a_new_code_reads_back_and_is_printed_in_four_groups() -> None:
    code = new_code()
    assert len(code) == 16
    assert read_code(grouped(code)) == code
    assert [len(part) for part in grouped(code).split("-")] == [4, 4, 4, 4]


def test_two_codes_differ() -> None:
    assert len({new_code() for _ in range(2000)}) == 2000


@given(bodies)
def test_lower_case_spaces_and_lookalikes_read_the_same(body: str) -> None:
    code = body + check_symbol(body)
    sloppy = f"  {grouped(code).lower().replace('0', 'o').replace('1', 'l').replace('-', ' – ')}\n"
    assert read_code(sloppy) == code
    assert read_code(code.replace("1", "I").replace("0", "O")) == code


@given(bodies, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_symbol_is_found(body: str, position: int, other: str) -> None:
    code = body + check_symbol(body)
    wrong = code[:position] + other + code[position + 1 :]
    assert (read_code(wrong) == code) == (wrong == code)
    assert wrong == code or read_code(wrong) is None


@given(bodies)
def test_two_swapped_neighbours_are_found(body: str) -> None:
    code = body + check_symbol(body)
    for first, second in itertools.pairwise(range(LENGTH)):
        swapped = list(code)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        wrong = "".join(swapped)
        assert wrong == code or read_code(wrong) is None


def test_what_cannot_be_a_code_is_none() -> None:
    good = new_code()
    for typed in ("", "hola", good[:-1], good + "0", good[:-1] + "U", "é" * 16, "🩺" * 16, " " * 40):
        assert read_code(typed) is None, typed
