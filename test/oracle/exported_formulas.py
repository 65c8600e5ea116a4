"""Scores of golden networks by exported modules of formulas, for test/explain/formula-module.test.ts.

    python3 test/oracle/exported_formulas.py > test/fixtures/exported-formulas.json

Each module is written by `eznas explain --export pytorch`; its SHA-256 goes with its scores, so that the test knows that they are of the module as it is.
"""

import hashlib
import json
import pathlib
import subprocess
import tempfile

import torch

from exported_score import golden, load

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "test/fixtures/golden/small"

# Every aggregator, number, operator and combiner; programs that are well conditioned.
FORMULAS = [
    "rank_sum(unit_sum(l1_norm(T1GD)), neg(unit_max(l1_norm(T3))), params)",
    "share_sum(unit_sum(l1_norm(T1GD)), neg(unit_max(l1_norm(T3))))",
    "z_sum(unit_std(frobenius_norm(T2D)), unit_min(l1_norm(T4D)), flops)",
    "add(unit_mean(l1_norm(T3)), unit_first(l1_norm(T2D)))",
    "sub(unit_last(l1_norm(T4D)), unit_logsum(frobenius_norm(T3GN)))",
    "mul(unit_depthmean(l1_norm(T1N)), sqrt(depth))",
    "div(log(units), exp(neg(stages)))",
    "abs(sub(square(units), mul(2.5e-1, depth)))",
    "unit_sum(frobenius_norm(T2GP))",
    "add(logdet(unit_sum(add(gram(gt0(T1D)), gram(eq(gt0(T1D), zeros_like(T1D)))))), logabsdet(unit_mean(gram(T4D))))",
    "rank_sum(spectral_entropy(unit_max(gram(T2D))), participation_ratio(unit_sum(gram(T2D))), symeig_ratio(unit_sum(gram(T4D))))",
]


def export(text, folder):
    command = ["npx", "tsx", str(ROOT / "lib/cli/main.ts"), "explain", text, "--export", "pytorch"]
    source = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    path = pathlib.Path(folder) / "exported.py"
    path.write_text(source)
    return load(path), hashlib.sha256(source.encode()).hexdigest()


def main():
    torch.set_num_threads(1)
    names = sorted(path.stem for path in GOLDEN.glob("[0-9]*.json"))
    networks = [golden(GOLDEN, name) for name in names]
    formulas = []
    for text in FORMULAS:
        with tempfile.TemporaryDirectory() as folder:
            module, digest = export(text, folder)
        rows = [module.terms(network, *inputs) for network, inputs in networks]
        entry = {"formula": text, "sha256": digest, "terms": rows}
        if hasattr(module, "scores"):
            # Each network has inputs of its own, so the combination is of the rows.
            module.terms = lambda row, *_: row
            data = torch.zeros(1, 3, 8, 8)
            entry["scores"] = module.scores(rows, data)
            reference = [sorted(row[at] for row in rows)[1:] for at in range(len(rows[0]))]
            entry["reference"] = reference
            entry["referenced"] = module.scores(rows[:2], data, reference=reference)
        formulas.append(entry)
    # A line for each formula.
    lines = ",\n".join(json.dumps(entry) for entry in formulas)
    print(f'{{"networks": {json.dumps(names)}, "formulas": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
