"""What the book's tables and figures are made of, from the raw data: `snakemake -c2`.

`snakemake -n` shows what is missing. Trainings and measurements that were interrupted go on (their half-done files lie
under data/runs). `snakemake -c2 --forceall` makes everything anew, `snakemake -c2 --forceall quick` a small variant in
minutes. Commands refuse results of another training by its hash. After training one family anew, make again what is
behind it: `snakemake -c2 --forcerun lattice points beside table`.
A family's name says how it is trained: <preset>-<setting>=<value>-…-seed<seed>.
Inputs are ancient, because the dates of files mean nothing in a clone.
"""

import re
import sys

SIMPLEXNAS = f"{sys.executable} -m simplexnas"
SEEDS = [0, 1, 2]
DEFAULT = expand("default-seed{seed}", seed=SEEDS)
# The quick preset, as it is and with one setting changed. Only the results are published, not these families.
ABLATED = [
    "quick",
    "quick-mean_nodes=true",
    "quick-normalise_features=true",
    "quick-matrix_learning_rate=0",
    "quick-batch_size=128",
    "quick-paths=4",
    "quick-flip=false",
    "quick-shift=2",
    "quick-ema=0.99",
    "quick-sandwich=true",
    "quick-hypernetwork_learning_rate=0.001",
    "quick-hypernetwork_learning_rate=0.1",
    "quick-policy_until=0",
    "quick-policy_until=0-random_utilities=true",
    "quick-policy_until=1",
    "quick-warmup=0",
    # With tau the gain kappa / tau stays as it is.
    "quick-kappa=0.01-tau=0.00025",
    "quick-kappa=0.04-tau=0.001",
    "quick-tau=0.002",
    "quick-corner_share=0",
    "quick-parameter_price=0",
    # These have no gain, so that they need a larger kappa.
    "quick-hypernetwork=pivot-kappa=1",
    "quick-hypernetwork=mlp-kappa=1",
    # Here all operations run, which is slow: a base of their own, with half of the epochs.
    "quick-epochs=1",
    "quick-epochs=1-estimator=straight_through",
    "quick-epochs=1-estimator=reinmax",
    "quick-epochs=1-estimator=relaxed",
]
# The same with measured latency as price; the published method (channels last, which changes speed alone); and what
# kappa does to it, in half an epoch.
LATENCY = "default-parameter_price=0-price=latency-seed0"
TABLE = "intel-r-xeon-r-processor-family-6-model-207-stepping-2-cpu-1-thread"  # data/latency
PUBLISHED = "paper-channels_last=true-epochs=3-seed0"
KAPPA = expand(
    "paper-channels_last=true-epochs=1-kappa={kappa}-train_images=27500-seed0", kappa=[0, 0.1, 1, 5, 50]
)
ABLATION = expand("{settings}-seed{seed}", settings=ABLATED, seed=[0, 1])
THREADS = 8  # of one training or measurement; at most the number after -c


wildcard_constraints:
    family="[^/]+",


rule all:
    input:
        expand("data/families/{family}/family.json", family=[*DEFAULT, LATENCY]),
        expand("data/results/{family}/lattice.json", family=[*DEFAULT, LATENCY]),
        expand("data/results/{family}/paper_points.json", family=DEFAULT),
        expand("data/results/{family}/baselines.json", family=DEFAULT),
        f"data/families/{PUBLISHED}/family.json",
        f"data/results/{PUBLISHED}/paper_points.json",
        expand("data/results/{family}/lattice.json", family=KAPPA),
        "data/results/table.json",


rule ablation:
    input:
        expand("data/results/{family}/lattice.json", family=ABLATION),


rule quick:
    input:
        "data/results/quick-seed0/lattice.json",


def search_options(wildcards):
    preset, *changes, seed = re.split(r"-(?=[a-z_]+=|seed\d+$)", wildcards.family)
    settings = " ".join(f"--set {change}" for change in changes)
    settings += f" --table {TABLE}" if "price=latency" in changes else ""
    return f"--preset {preset} --seed {seed.removeprefix('seed')} {settings}"


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
        step=lambda wildcards: 0.05 if wildcards.family in [*DEFAULT, LATENCY] else 0.25,
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


rule beside:
    input:
        ancient("data/results/{family}/lattice.json"),
    output:
        "data/results/{family}/{what}.json",
    params:
        command=lambda wildcards: {"baselines": "baselines", "retrained": "retrain"}[wildcards.what],
    wildcard_constraints:
        what="baselines|retrained",
    threads: THREADS
    shell:
        "{SIMPLEXNAS} {params.command} --family {wildcards.family}"


rule table:
    input:
        ancient(expand("data/results/{family}/lattice.json", family=DEFAULT)),
        ancient(expand("data/results/{family}/paper_points.json", family=DEFAULT)),
    output:
        "data/results/table.json",
    shell:
        "{SIMPLEXNAS} table {DEFAULT}"
