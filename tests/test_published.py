"""Names of published families."""

import pytest

from simplexnas import config, published


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default-seed12", ("default", [], 12)),
        (
            "quick-kappa=0.1-hypernetwork_learning_rate=1e-05-seed0",
            ("quick", ["kappa=0.1", "hypernetwork_learning_rate=1e-05"], 0),
        ),
    ],
)
def test_a_name_is_read(name, expected):
    assert published.read_name(name) == expected


def test_the_ablation_changes_one_thing_at_a_time():
    """Or two where one makes no sense without the other."""
    together = [{"policy_until", "random_utilities"}, {"kappa", "tau"}, {"hypernetwork", "kappa"}]
    for name in published.ABLATION:
        preset, changes, _ = published.read_name(name)
        changed = set(config.parse_changes(changes)) - {"epochs"}
        assert preset == "quick" and (len(changed) < 2 or changed in together)
