"""What data/comparison.json asks for, and the names of the families that it makes."""

import pytest

from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.settings import family_name, method_name, methods, parse_changes
from simplexnas.report import comparison, names


def test_every_method_is_listed_with_settings_that_it_has():
    variants = comparison.variants()
    assert {variant.of for variant in variants} == set(methods())
    assert len(set(variants)) == len(variants)
    for variant in variants:
        config = variant.config()
        assert method_name(config) == variant.of
        for assignment in variant.assignments:
            ((name, value),) = parse_changes([assignment], variant.of).items()
            assert getattr(config, name) == value


def test_times_are_in_the_settings_where_time_is_the_price():
    priced = [variant for variant in comparison.variants() if variant.of == "fbnet"]
    assert len(priced) == 3
    for variant in priced:
        config = variant.config()
        assert config.latency_table and len(config.milliseconds) == 28 and config.other_milliseconds > 0


def test_names_of_families_say_settings_epochs_and_seed(monkeypatch, tmp_path):
    methods_listed = dict.fromkeys(variant.method for variant in comparison.variants())
    costs = {method: {"epochs": 1.25 + number} for number, method in enumerate(methods_listed)}
    ours = {variant.method for variant in comparison.variants() if variant.start == "quick"}
    costs |= {method: {"epochs": 2} for method in ours}  # as the preset has
    content = {"methods": costs}
    monkeypatch.setattr(comparison, "COSTS", records.save(tmp_path / "costs.json", content))
    found = comparison.families()
    every = [name for own in found.values() for name in own]
    assert len(set(every)) == len(every) == len(comparison.SEEDS) * len(comparison.variants())
    for variant, own in found.items():
        for seed, name in zip(comparison.SEEDS, own, strict=True):
            start, changes, said = names.read_name(name)
            assert (start, said) == (variant.start, seed)
            length = f"epochs={costs[variant.method]['epochs']:g}"
            assert (length in changes) == (variant.method not in ours)
            assert set(variant.assignments) <= set(changes)
            assert family_name(start, seed, parse_changes(changes, variant.of), method=variant.of) == name


def test_costs_measured_for_another_length_of_the_preset_are_refused(monkeypatch, tmp_path):
    costs = {variant.method: {"epochs": 1.5} for variant in comparison.variants()}
    monkeypatch.setattr(comparison, "COSTS", records.save(tmp_path / "costs.json", {"methods": costs}))
    with pytest.raises(SimplexNASError, match=r"costs.json: 1.5 epochs of preset quick; allowed: its 2; measure anew"):
        comparison.families()
