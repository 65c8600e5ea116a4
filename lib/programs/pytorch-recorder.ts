/**
 * Python that finds the units of an `nn.Module` while it runs, makes the passes that READS asks for, and gives each unit's tensors by name: classes, and
 * the function `_units(network, data, noise, perturbed)`.
 */
export const PYTORCH_RECORDER = `class _Unit:
    """What one pass records of a unit."""

    def __init__(self, before, at_conv, conv):
        self.before, self.at_conv, self.conv, self.after = before, at_conv, conv, None

    def tensors(self):
        """By place and gradient; a gradient that never arrives is zero."""
        inputs, weight, after = self.at_conv, self.conv.weight, self.after
        zeros = lambda x: torch.zeros_like(x) if x.grad is None else x.grad.detach().clone()
        return {
            "T1": self.before,
            "T2": inputs.detach(),
            "T3": weight.detach(),
            "T4": after.detach(),
            # Through this unit alone, whatever else the ReLU's input goes into.
            "T1G": zeros(inputs) * (self.before > 0).float(),
            "T2G": zeros(inputs),
            "T3G": zeros(weight),
            "T4G": zeros(after),
        }


class _Recorder:
    """Hooks that find the units of a network while it runs."""

    def __init__(self, network):
        self.units, self.relus, self.convs, self.hooks = [], {}, {}, []
        self.inputs = {}
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                self.hooks.append(module.register_forward_pre_hook(self.before_relu))
                self.hooks.append(module.register_forward_hook(self.after_relu))
            elif isinstance(module, nn.Conv2d):
                self.hooks.append(module.register_forward_pre_hook(self.before_conv))
                self.hooks.append(module.register_forward_hook(self.after_conv))
            elif isinstance(module, nn.BatchNorm2d):
                self.hooks.append(module.register_forward_hook(self.after_norm))

    # Outputs are kept in the dictionaries, so that no other tensor can have their identity.
    def before_relu(self, module, args):
        # A copy, since the ReLU may work in place.
        self.inputs[module] = args[0].detach().clone()

    def after_relu(self, module, args, output):
        self.relus[id(output)] = (output, self.inputs.pop(module))

    def before_conv(self, module, args):
        if id(args[0]) not in self.relus:
            return None
        # A tensor of the convolution's own, whose gradient comes through it alone.
        own = args[0].view_as(args[0])
        if not own.requires_grad:
            own = own.detach().requires_grad_()
        own.retain_grad()
        self.inputs[module] = (self.relus[id(args[0])][1], own)
        return (own,)

    def after_conv(self, module, args, output):
        if module in self.inputs:
            self.convs[id(output)] = (output, _Unit(*self.inputs.pop(module), module))

    def after_norm(self, module, args, output):
        if id(args[0]) not in self.convs:
            return None
        unit = self.convs[id(args[0])][1]
        unit.after = output
        output.retain_grad()
        self.units.append(unit)
        # What follows may work in place on the copy.
        return output.clone()

    def remove(self):
        for hook in self.hooks:
            hook.remove()


def _pass(network, images, backward):
    """Tensors of all units, by convolution."""
    network.zero_grad()
    for parameter in network.parameters():
        parameter.grad = None
    recorder = _Recorder(network)
    try:
        logits = network(images)
        while not isinstance(logits, torch.Tensor):
            logits = logits[-1]
        if backward:
            logits.backward(torch.ones_like(logits))
    finally:
        recorder.remove()
    return [(unit.conv, unit.tensors()) for unit in recorder.units]


def _units(network, data, noise, perturbed):
    """The tensors of every unit, by name, and its input's height and width as "extents"."""
    network = copy.deepcopy(network).train()
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    wanted = {name[-1] for name in READS if name != "T3"}
    if "N" in wanted and noise is None:
        noise = torch.randn_like(data)
    if "P" in wanted and perturbed is None:
        perturbed = data + 0.1 * torch.randn_like(data)
    # Units are known by running; a P tensor is a difference to that of D.
    needed = {"D"} | wanted if wanted & {"D", "P"} or not wanted else wanted
    images = {"D": data, "N": noise, "P": perturbed}
    recorded = {
        kind: _pass(network, images[kind], any("G" in name for name in READS)) for kind in sorted(needed)
    }
    found = next(iter(recorded.values()))
    if not found:
        raise ValueError("the network has no unit: an nn.ReLU, an nn.Conv2d and an nn.BatchNorm2d, one after the other")
    units = []
    for at in range(len(found)):
        unit = {"extents": tuple(found[at][1]["T2"].shape[2:])}
        for name in READS:
            if name == "T3":
                unit[name] = found[at][1]["T3"]
            elif name[-1] == "P":
                unit[name] = recorded["P"][at][1][name[:-1]] - recorded["D"][at][1][name[:-1]]
            else:
                unit[name] = recorded[name[-1]][at][1][name[:-1]]
        units.append(unit)
    return units
`;
