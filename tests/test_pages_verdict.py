"""The sentences of the page of verdicts, against the result files."""

from pages import unsaid

from simplexnas.report.pages import verdict

NUMBERS = verdict.numbers()


def value(name: str) -> float:
    return float(NUMBERS[name].replace("−", "-").replace(",", ""))


def test_s_steers_both_methods():
    for of in ("published", "ours"):
        assert -1 < value(f"verdict.{of}.strongest") <= value(f"verdict.{of}.weakest") < -0.85
    assert 50 < value("verdict.published.networks") < value("verdict.S")
    assert 50 < value("verdict.ours.fewest") <= value("verdict.ours.most") < value("verdict.S")


def test_data_have_hardly_a_say_in_the_published_method():
    assert value("verdict.unlike") / value("verdict.choices") < 0.001


def test_members_are_past_the_paper_and_close_to_training_alone():
    assert 5 < value("verdict.gain.least") < value("verdict.gain.most")
    assert 0 < value("verdict.gap") < 2


def test_the_published_method_is_past_the_paper_where_it_has_networks():
    assert value("verdict.within.A") > 82.5 and value("verdict.within.C") > 85


def test_every_number_stands_on_the_page():
    assert unsaid(NUMBERS, "verdict") == set()
