"""The family at named S, such as the paper's, in several ways."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io.records import PAPER_POINTS, Point
from simplexnas.measure import evaluation
from simplexnas.measure.baselines import control
from simplexnas.measure.measurement import Measurement, inherited_accuracy
from simplexnas.network.architecture import Architecture
from simplexnas.tasks.task import Splits

DRAWS = 3  # of the control at each S


def named_points(family: Family, splits: Splits, named: Mapping[str, Sequence[float]]) -> Path:
    """The family at each S of {name: S}: accuracy in all ways, and of the data-free control (three draws).

    Goes on with a half-done measurement.
    """
    family.check_S()
    with Measurement(family, PAPER_POINTS, {"draws": DRAWS}) as measurement:
        points = measurement.points
        for name, S in tqdm(list(named.items())[len(points) :], desc=f"paper's S, {family.name}"):
            logits = family.logits(S)
            ways = evaluation.in_all_ways(family, logits, splits)
            drawn = [control(S, family.space, seed) for seed in range(DRAWS)]
            points.append(
                Point(
                    name=name,
                    S=tuple(S),
                    **Architecture.from_logits(logits, family.space).sizes(),
                    accuracy=ways["discrete"],
                    ways=ways,
                    control=tuple(
                        Point(**each.sizes(), accuracy=inherited_accuracy(family, each, splits)) for each in drawn
                    ),
                )
            )
            measurement.keep(points)
        return measurement.finish(points)
