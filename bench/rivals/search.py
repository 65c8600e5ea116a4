"""The released evolutionary loop rebuilt with DEAP and PyTorch: statistics recorded once per network, every tree evaluated node by
node on every unit, validity found out by running (EZNAS paper, section 3.3, and the settings of its released code)."""

import random
import time

import torch
from deap import base, creator, gp, tools
from network import TENSORS, build, record
from programs import BINARY, UNARY, parse, score
from scipy.stats import kendalltau

POPULATION, GENERATIONS, KEPT = 50, 15, 25


def primitives():
    pset = gp.PrimitiveSet("proxy", 0)
    for name, function in UNARY.items():
        pset.addPrimitive(function, 1, name=name)
    for name, function in BINARY.items():
        pset.addPrimitive(function, 2, name=name)
    for name in TENSORS:
        pset.addTerminal(name, name=name)
    return pset


def evolve(request):
    random.seed(request.get("seed", 0))
    start = time.perf_counter()
    tasks = []  # groups of (units of each network, accuracies)
    for task in request["tasks"]:
        networks = [build(architecture, classes=task["classes"]) for architecture in task["architectures"]]
        units = []
        for network in networks:
            data = torch.randn(1, 3, task["resolution"], task["resolution"])
            units.append(record(network, data, torch.randn_like(data), data + 0.1 * torch.randn_like(data)))
        tasks.append((units, task["accuracies"]))
    collected = time.perf_counter() - start

    pset = primitives()
    creator.create("Fitness", base.Fitness, weights=(1.0,))
    creator.create("Individual", gp.PrimitiveTree, fitness=creator.Fitness)
    toolbox = base.Toolbox()
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("expr_mut", gp.genHalfAndHalf, min_=0, max_=5)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.expr_mut, pset=pset)
    limit = gp.staticLimit(key=lambda tree: tree.height, max_value=10)
    toolbox.decorate("mate", limit)
    toolbox.decorate("mutate", limit)
    evaluated = 0

    def fitness(individual, drawn):
        nonlocal evaluated
        evaluated += 1
        tree = parse(str(individual))
        worst = 1.0
        for units, accuracies in drawn:
            scores = []
            for network in units:
                value = score(tree, network)
                if value is None:
                    return (-1.0,)
                scores.append(value)
            tau = kendalltau(scores, accuracies).statistic if hasattr(kendalltau([1, 2], [1, 2]), "statistic") else kendalltau(
                scores, accuracies
            ).correlation
            worst = min(worst, abs(tau) if tau == tau else 0.0)
        return (worst,)

    def valid_individual():
        while True:
            individual = creator.Individual(gp.genHalfAndHalf(pset, 2, 6))
            if score(parse(str(individual)), tasks[0][0][0]) is not None:
                return individual

    population = [valid_individual() for _ in range(POPULATION)]
    for _ in range(GENERATIONS):
        drawn = random.sample(tasks, 4)
        for individual in population:
            individual.fitness.values = fitness(individual, drawn)
        kept, seen = [], set()
        for individual in tools.selTournament(population, KEPT, tournsize=4):
            if individual.fitness.values not in seen:
                seen.add(individual.fitness.values)
                kept.append(individual)
        best = max(population, key=lambda individual: individual.fitness.values)
        children = []
        while len(children) < POPULATION // 2:
            choice = random.random()
            if choice < 0.4:
                a, b = (toolbox.clone(random.choice(kept)) for _ in range(2))
                child, _ = toolbox.mate(a, b)
            elif choice < 0.8:
                (child,) = toolbox.mutate(toolbox.clone(random.choice(kept)))
            else:
                child = toolbox.clone(random.choice(kept))
            children.append(child)
        population = children + [valid_individual() for _ in range(POPULATION - len(children))]
    return {
        "seconds": time.perf_counter() - start,
        "collectSeconds": collected,
        "evaluated": evaluated,
        "best": str(best),
        "fitness": best.fitness.values[0],
    }
