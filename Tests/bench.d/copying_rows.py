"""Rows in which images are copied."""

import os
import re
import time
from contextlib import ExitStack
from dataclasses import replace

from compare import Contestant, Result, Target, against, by_name, compare, own
from data import Layer, Storage, large_image, many_images
from planning_rows import bound_of, head_requests
from servers import FaultyRegistries
from specs import write_crplan_copies, write_crplan_image, write_regsync, write_skopeo_sync
from tools import PATIENCE, RunFailed

MIB = 1024 * 1024
PEERS = ("crane", "regctl", "skopeo")


def small_images(bench, referrers="true"):
    """The first copy of 1,000 small images."""
    return copy_all(bench, many_images(bench.scaled(100), 10), referrers, first_copy_targets)


def shared_layers(bench):
    """1,000 images that share three layers, into 50 repositories of one registry."""
    base = [Layer(f"base-{i}", 4 * MIB) for i in range(3)]
    images = many_images(bench.scaled(50), 20, base)
    return copy_all(bench, images, "true", lambda log: sharing_targets(log, base, len(images.repositories)))


def copy_all(bench, images, referrers, targets):
    tools = bench.tools
    with bench.registry("src") as source, bench.registry("dst") as target:
        images.store(source.storage)
        workspace, regsync, skopeo = bench.path("workspace"), bench.path("regsync.yml"), bench.path("skopeo.yml")
        hosts = {"src": source.host, "dst": target.host}
        write_crplan_copies(workspace, hosts, images.repositories, tools.connections, referrers)
        write_regsync(regsync, source.host, target.host, images.repositories, tools.connections)
        write_skopeo_sync(skopeo, source.host, images.repositories)

        def contestant(name, program, run):
            def prepare():
                tools.forget(program)
                target.restart(empty=True)

            return Contestant(name, run, prepare, lambda: expect(images, target), program)

        contestants = [
            contestant("crplan apply", "crplan", lambda: tools.run("crplan", tools.crplan_apply_command(workspace))),
            contestant("regsync once", "regsync", lambda: tools.regsync("once", regsync)),
            contestant("skopeo sync", "skopeo", lambda: tools.skopeo_sync(skopeo, f"{target.host}/bench")),
        ]
        requests = head_requests(images, [source.port])
        outcomes, loop = compare(bench, contestants, (source, target), source, lambda: tools.head_loop(requests))
        return Result(outcomes, targets(outcomes[0].log.get(target, [])), bound_of(outcomes[0], requests, loop))


def first_copy_targets(_):
    return [Target("wall ÷ regsync once", against(["regsync once"]), 0.5), Target("wall ÷ skopeo sync", against(["skopeo sync"]), 0.2)]


def sharing_targets(log, layers, repositories):
    """Each shared layer is sent once. Everywhere else it is mounted."""
    digests = {layer.digest for layer in layers}
    sent = [r for r in log if r.method == "PUT" and r.status == 201 and named_in(r.path, "digest") in digests]
    mounted = [r for r in log if r.method == "POST" and r.status == 201 and named_in(r.path, "mount") in digests]
    return [
        Target(f"uploads of the {len(layers)} shared layers", lambda _: len(sent) if log else None, len(layers)),
        Target(
            f"shared layers not mounted in the other {repositories - 1} repositories",
            lambda _: len(layers) * (repositories - 1) - len(mounted) if log else None,
            0,
        ),
    ]


def named_in(path, parameter):
    """The digest that a request's query gives as this parameter."""
    found = re.search(rf"[?&]{parameter}=([^&]*)", path)
    return found.group(1).replace("%3A", ":").replace("%3a", ":") if found else None


def expect(images, *targets):
    for target in targets:
        missing = images.missing_from(target.storage)
        if missing:
            raise RunFailed(f"{missing} is not at the target")


def large(bench, targets):
    """One image of 8 × 128 MiB, to one registry or to several."""
    images = large_image(8, bench.scaled(128 * MIB))
    with ExitStack() as stack:
        source = stack.enter_context(bench.registry("src"))
        sinks = [stack.enter_context(bench.registry(f"dst{i + 1}")) for i in range(targets)]
        images.store(source.storage)
        outcomes, _ = compare(bench, large_contestants(bench, images, source, sinks), [source, *sinks], source)
    best = against([outcome.name for outcome in outcomes if outcome.name.startswith(("crane", "regctl"))])
    if targets == 1:
        goals = [Target("wall ÷ best of crane, regctl", best, 1.05), Target("peak memory", own(lambda o: o.peak), 40, "MiB")]
    else:
        size = sum(len(blob.content) for image in images.images.values() for blob in image.blobs)
        read = own(lambda o: o.source_bytes / size if o.source_bytes else None)
        # The manifest is read too: a thousandth at most.
        goals = [Target("wall ÷ best of crane, regctl", best, 0.6), Target("bytes from the source ÷ size", read, 1.001)]
    return Result(outcomes, goals)


def large_contestants(bench, images, source, sinks):
    tools, workspace = bench.tools, bench.path("workspace")
    ((repository, tag),) = images.images
    hosts = {"src": source.host, **{f"dst{i + 1}": sink.host for i, sink in enumerate(sinks)}}
    write_crplan_image(workspace, hosts, repository, tag, tools.connections)

    def contestant(name, program, command):
        def prepare():
            tools.forget(program)
            tools.tell_regctl(hosts.values())
            for sink in sinks:
                sink.restart(empty=True)

        return Contestant(name, lambda: tools.run(program, command), prepare, lambda: expect(images, *sinks), program)

    contestants = [contestant("crplan apply", "crplan", tools.crplan_apply_command(workspace))]
    several = "" if len(sinks) == 1 else f" × {len(sinks)} at once"
    for tool in PEERS:
        commands = [tools.copy_command(tool, f"{source.host}/{repository}:{tag}", f"{sink.host}/{repository}:{tag}") for sink in sinks]
        contestants.append(contestant(f"{tool} copy{several}", tool, tools.side_by_side(commands)))
    return contestants


def faulty(bench):
    """The same image to four registries: one answers 413 early, one resets, one stalls. Until the fourth has it."""
    tools = bench.tools
    images = large_image(8, bench.scaled(128 * MIB))
    ((repository, tag),) = images.images
    kinds = ["too-large", "reset", "stall"]
    with bench.registry("src") as source, bench.registry("dst") as target, FaultyRegistries(kinds) as others:
        images.store(source.storage)
        alone, together = bench.path("alone"), bench.path("together")
        hosts = {"src": source.host, "dst": target.host}
        write_crplan_image(alone, hosts, repository, tag, tools.connections)
        write_crplan_image(together, {**hosts, **dict(zip(kinds, others.hosts))}, repository, tag, tools.connections)

        def prepare():
            tools.forget("crplan")
            target.restart(empty=True)

        def run(workspace):
            return run_until_tagged(tools, workspace, Storage(target.storage).tag_path(repository, tag))

        contestants = [
            Contestant("crplan, with three faulty", lambda: run(together), prepare, lambda: expect(images, target)),
            Contestant("crplan, alone", lambda: run(alone), prepare, lambda: expect(images, target)),
        ]
        outcomes, _ = compare(bench, contestants, [source, target], source)
    reference = by_name(outcomes, "crplan, alone")
    limit = 1.1 * reference.wall + 1 if reference else 0
    return Result(outcomes, [Target("wall (1.1 × alone + 1 s)", own(lambda outcome: outcome.wall), limit, "s")])


def run_until_tagged(tools, workspace, path):
    """Runs apply until the tag is in the registry's storage; then it is told to stop."""
    start = time.monotonic()
    process = tools.start("crplan", tools.crplan_apply_command(workspace))
    try:
        while not os.path.exists(path) and process.poll() is None and time.monotonic() - start < PATIENCE:
            time.sleep(0.005)
        tagged = time.monotonic() - start
    finally:
        tools.end(process)
    return replace(tools.measured("crplan", allowed=(0, 5)), wall=tagged)
