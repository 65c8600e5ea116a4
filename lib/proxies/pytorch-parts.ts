/** Functions that PyTorch modules of native proxies call (PyTorch 1.8 or later). */
export const PYTORCH_PARTS = {
  copy: `def _copy(network):
    """A copy to work on: it normalizes by the batch's statistics, changes nothing in place and drops nothing out."""
    network = copy.deepcopy(network).train().requires_grad_(True)
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.eval()
    return network
`,
  layers: `def _layers(network):
    return [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
`,
  record: `def _record(network, kinds, images):
    """Inputs and outputs of all modules of these kinds, in the order they run, and the logits."""
    records = []

    def keep(module, inputs, output):
        records.append((inputs[0], output))

    hooks = [module.register_forward_hook(keep) for module in network.modules() if isinstance(module, kinds)]
    logits = network(images)
    for hook in hooks:
        hook.remove()
    return records, logits
`,
  labels: `def _labels(network, images, labels):
    """The labels, or random ones where there are none."""
    if labels is not None:
        return labels
    with torch.no_grad():
        classes = network(images).shape[1]
    return torch.randint(classes, (len(images),), device=images.device)
`,
  loss: `def _gradients(network, images, labels, create_graph=False):
    """Gradients of the mean cross-entropy by the layers' weights."""
    weights = [layer.weight for layer in _layers(network)]
    loss = F.cross_entropy(network(images), labels)
    found = torch.autograd.grad(loss, weights, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found)]
`,
  flow: `def _flow(network, images):
    """Magnitudes of weights, and the gradients by them of the sum of outputs for an image of ones, nothing normalized, bounded or gated."""
    network = _copy(network).double()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.ReLU6, nn.Hardswish)):
            module.forward = lambda x: x
        elif isinstance(module, (nn.Sigmoid, nn.Hardsigmoid)):
            module.forward = torch.ones_like
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    weights = [layer.weight for layer in _layers(network)]
    total = network(torch.ones_like(images[:1], dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    return [(w.detach(), g) for w, g in zip(weights, gradients) if g is not None]
`,
  rows: `def _rows(network, images):
    """Gradients of the summed logits by the images, one row for each."""
    images = images.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(images).sum(), images, allow_unused=True)
    return (torch.zeros_like(images) if gradient is None else gradient).flatten(1).double()
`,
  correlations: `def _correlations(rows):
    rows = rows - rows.mean(1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True)
    return (rows @ rows.T).clamp(-1, 1)
`,
  signs: `def _signs(network, images):
    """Which outputs of ReLUs are positive, one row for each image."""
    with torch.no_grad():
        records, _ = _record(_copy(network), (nn.ReLU, nn.ReLU6, nn.Hardswish), images)
        return torch.cat([(output > 0).flatten(1) for _, output in records], 1).double()
`,
  blocks: `def _features(network, blocks, images):
    """The network's outputs at the ends of blocks, which are modules of it, in the order they run."""
    places = [place for place, module in enumerate(network.modules()) if any(module is block for block in blocks)]
    network = _copy(network)
    modules = list(network.modules())
    features = []
    for place in places:
        modules[place].register_forward_hook(lambda module, inputs, output: features.append(output))
    network(images)
    return features


def _entropies(network, blocks, images):
    entropies = []
    for feature in _features(network, blocks, images):
        rows = feature.detach().transpose(0, 1).flatten(1)
        rows = rows - rows.mean(1, keepdim=True)
        values = torch.linalg.eigvalsh(rows @ rows.T / rows.shape[1])
        shares = values / values.sum()
        entropies.append(float(-(shares * torch.log(shares + 1e-8)).sum()))
    return entropies
`,
} as const;

/** Which parts a part calls. */
export const PART_CALLS: Readonly<
  Partial<Record<keyof typeof PYTORCH_PARTS, readonly (keyof typeof PYTORCH_PARTS)[]>>
> = {
  loss: ['layers'],
  flow: ['copy', 'layers'],
  signs: ['copy', 'record'],
  blocks: ['copy'],
};
