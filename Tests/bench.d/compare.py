"""Runs tools against each other: interleaved, medians, and once more with the requests counted."""

import os
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

from tools import RunFailed


def nothing():
    pass


@dataclass
class Contestant:
    """One line of the table."""

    name: str
    run: Callable  # does the work, and returns a Measurement
    prepare: Callable = nothing  # before each run, not measured
    check: Callable = nothing  # after each run, not measured; raises RunFailed when the work was not done
    program: str = "crplan"


@dataclass
class Outcome:
    """What a contestant's runs took: medians. Nothing stands where nothing was measured."""

    name: str
    wall: float = None
    fastest: float = None
    slowest: float = None
    cpu: float = None
    peak: float = None
    requests: int = None
    source_bytes: int = None
    problem: str = ""
    log: dict = field(default_factory=dict)  # the requests of the counted run, by registry


@dataclass
class Target:
    """A goal of the project: `value(outcomes)` at most `limit`; no value when there is nothing to hold it against."""

    text: str
    value: Callable
    limit: float
    unit: str = ""


@dataclass
class Result:
    """A row's lines and targets. The first outcome is crplan's."""

    outcomes: list
    targets: list
    bound: float = None


def compare(bench, contestants, registries=(), source=None, loop=None, runs=None):
    """Returns the outcomes in the contestants' order, and the bare loop's seconds (the median) when there is a loop."""
    outcomes = {contestant.name: Outcome(contestant.name) for contestant in contestants}
    runnable = []
    for contestant in contestants:
        if bench.tools.is_missing(contestant.program):
            outcomes[contestant.name].problem = "not on the PATH"
        else:
            runnable.append(contestant)

    measured = {contestant.name: [] for contestant in runnable}
    loops = []
    for turn in range(runs or bench.runs):
        if loop:
            loops.append(loop())
        for contestant in runnable:
            if not outcomes[contestant.name].problem:
                bench.say(f"run {turn + 1}: {contestant.name}")
                attempt(contestant, outcomes[contestant.name], measured[contestant.name])
    for name, measurements in measured.items():
        if measurements:
            summarize(outcomes[name], measurements)
    if registries:
        count(bench, [c for c in runnable if not outcomes[c.name].problem], outcomes, registries, source)
    return [outcomes[contestant.name] for contestant in contestants], statistics.median(loops) if loops else None


def attempt(contestant, outcome, measurements):
    try:
        contestant.prepare()
        os.sync()
        measurement = contestant.run()
        contestant.check()
        measurements.append(measurement)
    except RunFailed as failure:
        outcome.problem = f"FAILED: {failure}"


def summarize(outcome, measurements):
    walls = [measurement.wall for measurement in measurements]
    outcome.wall = statistics.median(walls)
    outcome.fastest, outcome.slowest = min(walls), max(walls)
    outcome.cpu = statistics.median(measurement.cpu for measurement in measurements)
    outcome.peak = max(measurement.peak for measurement in measurements)


def count(bench, contestants, outcomes, registries, source):
    """One more run of each, with access logs. Its time does not count, since writing the logs takes some."""
    for contestant in contestants:
        bench.say(f"count requests: {contestant.name}")
        outcome = outcomes[contestant.name]
        for registry in registries:
            registry.counting = True
        attempt_counted(contestant, outcome, registries)
        outcome.log = {registry: registry.requests() for registry in registries}
        outcome.requests = sum(len(log) for log in outcome.log.values())
        bench.say("   " + kinds([request for log in outcome.log.values() for request in log]))
        if source:
            outcome.source_bytes = sum(request.sent for request in outcome.log[source] if request.method == "GET")
        for registry in registries:
            registry.counting = False
            registry.restart()


def attempt_counted(contestant, outcome, registries):
    try:
        contestant.prepare()
        for registry in registries:
            registry.restart()
        contestant.run()
    except RunFailed as failure:
        outcome.problem = f"FAILED: {failure}"


def kinds(requests):
    """How many requests there were of each kind."""
    parts = ("uploads", "blobs", "manifests", "tags", "referrers")
    found = Counter(
        f"{request.method} {next((part for part in parts if f'/{part}/' in request.path), request.path)}" for request in requests
    )
    return ", ".join(f"{number:,} {kind}" for kind, number in found.most_common())


def by_name(outcomes, name):
    """The outcome of a contestant that was measured."""
    return next((outcome for outcome in outcomes if outcome.name == name and outcome.wall is not None), None)


def against(peers, pick=lambda outcome: outcome.wall):
    """crplan's figure ÷ the least of these peers'. For a Target."""

    def value(outcomes):
        found = [pick(outcome) for outcome in map(lambda name: by_name(outcomes, name), peers) if outcome]
        own = outcomes[0]
        return pick(own) / min(found) if found and own.wall is not None else None

    return value


def own(pick):
    """A figure of crplan's own. For a Target."""
    return lambda outcomes: pick(outcomes[0]) if outcomes[0].wall is not None else None
