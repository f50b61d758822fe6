"""How each tool is started, and what a run took."""

import os
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass

from specs import write_regctl

# How long a single run may take, in seconds.
PATIENCE = 600


@dataclass
class Measurement:
    """What one run took: seconds, seconds of CPU, MiB."""

    wall: float
    cpu: float
    peak: float


class RunFailed(Exception):
    """A tool did not do what it was told."""


class Tools:
    """The tools of one benchmark, each with a home of its own below `folder`."""

    def __init__(self, folder, crplan, planner, connections):
        self.folder = folder
        self.crplan = crplan
        self.planner = planner  # the PlanningBenchmark of the tests; empty: there is none
        self.connections = connections

    @staticmethod
    def is_missing(tool):
        return tool != "crplan" and shutil.which(tool) is None

    def environment(self, home):
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": home,
            "XDG_CACHE_HOME": f"{home}/cache",
            "XDG_STATE_HOME": f"{home}/state",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_DATA_HOME": f"{home}/data",
            "XDG_RUNTIME_DIR": f"{home}/run",
            # Started by root, skopeo would keep its cache in /var/lib, and find there what earlier runs left.
            "_CONTAINERS_ROOTLESS_UID": "1000",
        }

    def home(self, tool):
        home = f"{self.folder}/homes/{tool}"
        os.makedirs(f"{home}/run", exist_ok=True)
        return home

    def forget(self, tool):
        """Takes away what a tool has kept from earlier runs."""
        shutil.rmtree(self.home(tool))

    def start(self, tool, command):
        """Starts a command under measure. Whoever starts it calls `end`."""
        home = self.home(tool)
        if os.path.exists(f"{home}/measured"):
            os.remove(f"{home}/measured")
        with open(f"{home}/output", "wb") as output:
            return subprocess.Popen(
                [f"{self.folder}/measure", f"{home}/measured", *command],
                cwd=home,
                env=self.environment(home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @staticmethod
    def end(process):
        """Ends a command that is still running: kindly first."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def measured(self, tool, allowed=(0,)):
        """What the run took that has just ended."""
        home = self.home(tool)
        if not os.path.exists(f"{home}/measured"):
            raise RunFailed("it did not end when it was told to")
        with open(f"{home}/measured", encoding="ascii") as file:
            wall, cpu, peak, code = file.read().split()
        if int(code) not in allowed:
            with open(f"{home}/output", encoding="utf-8", errors="replace") as file:
                raise RunFailed(f"exit code {code}: {file.read().strip()[-600:]}")
        return Measurement(float(wall), float(cpu), int(peak) / 1024)

    def run(self, tool, command):
        process = self.start(tool, command)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise RunFailed(f"not done after {PATIENCE} s") from None
        finally:
            self.end(process)
        return self.measured(tool)

    # --- The commands ------------------------------------------------------------------------------------------------

    def crplan_plan(self, workspace):
        """Fails when there is something to do."""
        return self.run("crplan", [self.crplan, "plan", "-C", workspace, "--detailed-exitcode"])

    def crplan_apply_command(self, workspace):
        return [self.crplan, "apply", "-C", workspace, "--auto-approve"]

    def regsync(self, verb, configuration):
        return self.run("regsync", ["regsync", verb, "--config", configuration])

    def skopeo_sync(self, configuration, target):
        plain = ["--dest-tls-verify=false", "--src", "yaml", "--dest", "docker"]
        return self.run("skopeo", ["skopeo", "sync", *plain, configuration, target])

    def copy_command(self, tool, source, target):
        """One image. skopeo and crane have settings of their own for how much they do at once."""
        if tool == "skopeo":
            plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
            return ["skopeo", "copy", "--quiet", *plain, f"docker://{source}", f"docker://{target}"]
        if tool == "crane":
            return ["crane", "copy", "--insecure", "--jobs", str(self.connections), source, target]
        return ["regctl", "image", "copy", source, target]

    def tell_regctl(self, hosts):
        write_regctl(f"{self.home('regctl')}/.regctl/config.json", hosts, self.connections)

    @staticmethod
    def side_by_side(commands):
        """Runs commands at once; fails when one fails."""
        starts = [f"{shlex.join(command)} & p{i}=$!" for i, command in enumerate(commands)]
        waits = [f"wait $p{i}" for i in range(len(commands))]
        return ["sh", "-c", "; ".join([*starts, " && ".join(waits)])]

    def head_loop(self, requests):
        """Seconds that a bare loop needs for HEAD requests, given as (port, path)."""
        text = "".join(f"{port} {path}\n" for port, path in requests)
        home = self.home("head-loop")
        command = [f"{self.folder}/measure", f"{home}/measured", f"{self.folder}/head_loop", str(self.connections)]
        subprocess.run(command, input=text.encode(), check=True, env=self.environment(home))
        return self.measured("head-loop").wall
