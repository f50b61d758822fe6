"""Rows in which nothing is to be done: what the common run costs."""

import json

from compare import Contestant, Result, Target, against, compare, own
from data import many_images, write_layouts
from servers import DelayProxy, FastRegistry
from specs import write_crplan_copies, write_crplan_layouts, write_crplan_long, write_regsync
from tools import Measurement, RunFailed


def no_op(bench, cache="warm", referrers="true", latency=0):
    """A plan over 1,000 tags in 100 repositories, all in place."""
    images = many_images(bench.scaled(100), 10)
    with bench.registry("src") as source, bench.registry("dst") as target:
        for registry in (source, target):
            images.store(registry.storage, blobs=False)
        if not latency:
            return plan_in_place(bench, images, (source, target), (source.port, target.port), cache, referrers, latency)
        with DelayProxy((source, target), latency) as proxy:
            return plan_in_place(bench, images, (source, target), proxy.ports, cache, referrers, latency)


def no_op_fast(bench):
    """The same over registries that are much faster than docker-registry. Their requests are not counted, so there is no bound."""
    images = many_images(bench.scaled(100), 10)
    program = f"{bench.folder}/fast_registry"
    answers = bench.path("answers")
    with FastRegistry(program, images, answers) as source, FastRegistry(program, images, answers) as target:
        result = plan_in_place(bench, images, (), (source.port, target.port), "warm", "true", 0)
    result.targets = [Target("wall ÷ regsync check", against(["regsync check"]), 0.35)]
    return result


def plan_in_place(bench, images, registries, ports, cache, referrers, latency):
    source, target = (f"127.0.0.1:{port}" for port in ports)
    workspace, configuration = bench.path("workspace"), bench.path("regsync.yml")
    write_crplan_copies(workspace, {"src": source, "dst": target}, images.repositories, bench.tools.connections, referrers)
    write_regsync(configuration, source, target, images.repositories, bench.tools.connections)

    def prepare():
        bench.tools.forget("crplan")
        if cache == "warm":
            bench.tools.crplan_plan(workspace)

    contestants = [
        Contestant("crplan plan", lambda: bench.tools.crplan_plan(workspace), prepare),
        Contestant("regsync check", lambda: bench.tools.regsync("check", configuration), program="regsync"),
    ]
    requests = head_requests(images, ports)
    outcomes, loop = compare(bench, contestants, registries, loop=lambda: bench.tools.head_loop(requests))
    bound = bound_of(outcomes[0], requests, loop)
    wall, cpu = against(["regsync check"]), against(["regsync check"], lambda outcome: outcome.cpu)
    if latency:
        targets = [Target("wall ÷ regsync check", wall, 0.08)]
    else:
        targets = [Target("wall ÷ regsync check", wall, 0.55), Target("CPU ÷ regsync check", cpu, 1.0)]
        if bound:
            targets.insert(0, Target("wall ÷ bound", own(lambda outcome: outcome.wall / bound), 1.25))
    return Result(outcomes, targets, bound)


def head_requests(images, ports):
    """Each tag once on each side."""
    return [(port, f"/v2/{repository}/manifests/{tag}") for repository, tag in images.images for port in ports]


def bound_of(outcome, requests, loop):
    """Seconds that crplan's number of requests takes at the bare loop's rate."""
    return outcome.requests * loop / len(requests) if outcome.requests else None


def layouts(bench):
    """A plan over 100,000 tags in 100 folders of image layouts on both sides, all in place."""
    workspace = bench.path("workspace")
    repositories, tags = bench.scaled(100), 1000
    for side in ("src", "dst"):
        bench.say(f"write {repositories * tags} manifests into layouts: {side}")
        write_layouts(f"{workspace}/{side}", repositories, tags)
    write_crplan_layouts(workspace, [f"bench/app-{i:03}" for i in range(repositories)])
    contestants = [Contestant("crplan plan", lambda: bench.tools.crplan_plan(workspace))]
    outcomes, _ = compare(bench, contestants)
    return Result(outcomes, [Target("wall", own(lambda outcome: outcome.wall), 4, "s")])


def million(bench):
    """A plan over 1,000,000 tags of registries in memory, all in place. A program of the tests does it, and says itself what planning took."""
    tags = bench.scaled(1_000_000)

    def plan():
        if not bench.tools.planner:
            raise RunFailed("no --planner beside --crplan")
        bench.tools.run("crplan", [bench.tools.planner, "--tags", str(tags), "--repositories", str(bench.scaled(1000))])
        with open(f"{bench.tools.home('crplan')}/output", encoding="utf-8") as file:
            figures = json.load(file)
        return Measurement(figures["seconds"], figures["cpuSeconds"], figures["peakBytes"] / 1024 / 1024)

    outcomes, _ = compare(bench, [Contestant("crplan's planner", plan)])
    wall = Target("wall", own(lambda outcome: outcome.wall), 10, "s")
    return Result(outcomes, [wall, Target("peak", own(lambda outcome: outcome.peak), 1024, "MiB")])


def validate(bench):
    """`crplan validate` of one spec of 100,000 lines."""
    workspace = bench.path("workspace")
    write_crplan_long(workspace, bench.scaled(100_000))
    contestants = [Contestant("crplan validate", lambda: bench.tools.run("crplan", [bench.tools.crplan, "validate", "-C", workspace]))]
    outcomes, _ = compare(bench, contestants)
    return Result(outcomes, [Target("wall", own(lambda outcome: outcome.wall), 1, "s")])


def version(bench):
    """`crplan version`: what starting costs."""
    commands = {
        "crplan version": [bench.tools.crplan, "version"],
        "regctl version": ["regctl", "version"],
        "crane version": ["crane", "version"],
        "skopeo --version": ["skopeo", "--version"],
    }
    contestants = [
        Contestant(name, lambda name=name: bench.tools.run(name.split()[0], commands[name]), program=name.split()[0]) for name in commands
    ]
    outcomes, _ = compare(bench, contestants, runs=4 * bench.runs)
    return Result(outcomes, [Target("wall", own(lambda outcome: outcome.wall * 1000), 15, "ms")])

