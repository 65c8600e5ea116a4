import { toPyTorch } from './export.ts';
import { printProgram } from './print.ts';
import { PYTORCH_RECORDER } from './pytorch-recorder.ts';
import { TENSORS } from './tensors.ts';
import { type Program, tensorsRead } from './tree.ts';

/**
 * Source of a standalone Python module (PyTorch 1.8 or later) that scores any `nn.Module` with the program: `score(network, data)`. It finds the
 * units as the network runs, where an `nn.ReLU`'s output goes into an `nn.Conv2d` whose output goes into an `nn.BatchNorm2d`, runs the passes that the
 * program reads, and takes the mean over the units.
 */
export function toPyTorchModule(program: Program): string {
  const mask = tensorsRead(program);
  const read = TENSORS.filter((_, index) => (mask >> index) & 1);
  return `"""Zero-cost proxy: ${printProgram(program)}

    from this_module import score
    score(network, images)  # a float; the network is left as it was

The score of a network is the mean over its units, each an nn.ReLU, an nn.Conv2d and an nn.BatchNorm2d, one after the other (EZNAS, NeurIPS 2022).
Made by eznas. Needs PyTorch 1.8 or later.
"""

import copy

import torch
from torch import nn

# The tensors that the program reads: place (1 the ReLU's input, 2 the convolution's, 3 its weight, 4 the normalization's output), G for gradients,
# and the pass: D over the images, N over noise, P over the images with a little noise, less D.
READS = ${JSON.stringify(read)}


${toPyTorch(program)}

${PYTORCH_RECORDER}

def score(network, data, noise=None, perturbed=None):
    """Score of a network, with its parameters as they are, on a minibatch of normalized images (batch x channels x height x width).

    noise and perturbed, of the same shape, are drawn from torch's generator where they are not given and the program reads them.
    """
    units = _units(network, data, noise, perturbed)
    return sum(proxy(unit) for unit in units) / len(units)
`;
}
