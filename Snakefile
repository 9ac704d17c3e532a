"""What the book's tables and figures are made of, from the raw data: `snakemake -c2`.

`snakemake -n` shows what is missing. Trainings and measurements that were interrupted go on (their half-done files lie
under data/runs). `snakemake -c2 --forceall` makes everything anew, `snakemake -c2 --forceall quick` a small variant in
minutes. Commands refuse results of another training by its hash. After training one family anew, remove its folder under
data/results and data/results/table.json, then `snakemake -c2`; with the family that was retrained from, every
ranked.json too.
Names of families are in data/published.json; a name says how the family is trained. Timings are not made here:
their scripts are under benchmarks/.
Inputs are ancient, because the dates of files mean nothing in a clone.
"""

import shlex
import sys

from simplexnas.methods.settings import PRESETS
from simplexnas.report import comparison
from simplexnas.report.names import read_name
from simplexnas.report.published import (
    COMPARED,
    DEFAULT,
    EVERY,
    KAPPA,
    LATENCY_TABLE,
    PAPER,
    QUICK,
    RANKING,
    TIMED_TABLE,
    WHOLE,
)

SIMPLEXNAS = f"{shlex.quote(sys.executable)} -m simplexnas"
THREADS = 8  # of one training or measurement; at most the number after -c


wildcard_constraints:
    family="[^/]+",


rule all:
    input:
        expand("data/families/{family}/family.json", family=WHOLE),
        expand("data/results/{family}/lattice.json", family=EVERY),
        expand("data/results/{family}/paper_points.json", family=(*DEFAULT, *PAPER)),
        expand("data/results/{family}/baselines.json", family=DEFAULT),
        f"data/results/{DEFAULT[0]}/retrained.json",
        f"data/results/{DEFAULT[0]}/gradients.json",
        expand("data/results/{family}/ranked.json", family=RANKING),
        expand("data/results/{family}/price_alone.json", family=(*PAPER, *KAPPA)),
        "data/results/without_images.json",
        "data/results/table.json",


rule quick:
    input:
        f"data/results/{QUICK[0]}/lattice.json",


# Their names say how many epochs equal time is, which benchmarks/methods.py has to measure first.
METHODS = {
    name
    for names in (comparison.families().values() if comparison.COSTS.exists() else ())
    for name in names
    if not comparison.diverged(name)
}


rule comparison:
    input:
        expand("data/results/{family}/compared.json", family=METHODS),
        f"data/results/{comparison.noise_family()}/noise.json" if METHODS else (),


def search_options(wildcards):
    start, changes, seed = read_name(wildcards.family)
    settings = " ".join(f"--set {change}" for change in changes)
    settings += f" --table {LATENCY_TABLE}" if "price=latency" in changes else ""
    settings += f" --table {TIMED_TABLE}" if start == "fbnet" else ""
    return f"{'--preset' if start in PRESETS else '--method'} {start} --seed {seed} {settings}"


def lattice_step(wildcards):
    if wildcards.family in WHOLE:
        return 0.05
    return 0.1 if wildcards.family in COMPARED or wildcards.family in METHODS else 0.2


rule search:
    output:
        "data/families/{family}/weights.safetensors",
        "data/families/{family}/family.json",
    params:
        options=search_options,
    threads: THREADS
    shell:
        "{SIMPLEXNAS} search {params.options} --resume"


rule lattice:
    input:
        ancient("data/families/{family}/family.json"),
    output:
        "data/results/{family}/lattice.json",
    params:
        step=lattice_step,
    threads: THREADS
    shell:
        "{SIMPLEXNAS} lattice --family {wildcards.family} --step {params.step}"


rule points:
    input:
        ancient("data/families/{family}/family.json"),
    output:
        "data/results/{family}/paper_points.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} points --family {wildcards.family}"


rule baselines:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/baselines.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} baselines --family {wildcards.family}"


rule retrain:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/retrained.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} retrain --family {wildcards.family}"


rule gradients:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/gradients.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} gradients --family {wildcards.family}"


rule compare:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/compared.json",
    params:
        random=lambda wildcards: comparison.RANDOM if wildcards.family.startswith("random_search") else 0,
    threads: THREADS
    shell:
        "{SIMPLEXNAS} compare --family {wildcards.family} --members {comparison.MEMBERS} --random {params.random} "
        "--epochs {comparison.EPOCHS_ALONE}"


rule noise:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/noise.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} noise --family {wildcards.family} --epochs {comparison.EPOCHS_ALONE}"


rule rank:
    input:
        ancient(f"data/results/{DEFAULT[0]}/retrained.json"),
        ancient("data/families/{family}/family.json"),
    output:
        "data/results/{family}/ranked.json",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} rank --family {wildcards.family} --of {DEFAULT[0]}"


rule price_alone:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/price_alone.json",
    shell:
        "{SIMPLEXNAS} price-alone --family {wildcards.family}"


rule without_images:
    output:
        "data/results/without_images.json",
    shell:
        "{SIMPLEXNAS} without-images"


rule table:
    input:
        ancient(expand("data/results/{family}/lattice.json", family=DEFAULT)),
        ancient(expand("data/results/{family}/paper_points.json", family=DEFAULT)),
    output:
        "data/results/table.json",
    shell:
        "{SIMPLEXNAS} table {DEFAULT}"
