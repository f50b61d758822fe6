"""What the tools are told to do, each in its own language."""

import json

from data import write


def crplan_registries(hosts, connections):
    lines = ["apiVersion: crplan/v1", "registries:"]
    for alias, host in hosts.items():
        lines.append(f'  {alias}: {{host: "{host}", plainHTTP: true, limits: {{connections: {connections}}}}}')
    return lines


def write_crplan_copies(folder, hosts, repositories, connections, referrers="true"):
    """All tags of the repositories, from `src` to `dst`."""
    lines = crplan_registries(hosts, connections)
    lines += [
        "copies:",
        f"  - from: src\n    to: dst\n    tags: all\n    referrers: {referrers}",
        f"    repositories: [{', '.join(repositories)}]",
    ]
    write(f"{folder}/crplan.yaml", "\n".join(lines) + "\n")


def write_crplan_image(folder, hosts, repository, tag, connections):
    """One image, from `src` to all others."""
    targets = ", ".join(f"{alias}/{repository}" for alias in hosts if alias != "src")
    lines = crplan_registries(hosts, connections)
    lines += ["images:", f'  - {{to: [{targets}], from: "src/{repository}:{tag}", tags: ["{tag}"]}}']
    write(f"{folder}/crplan.yaml", "\n".join(lines) + "\n")


def write_crplan_layouts(folder, repositories):
    lines = [
        "apiVersion: crplan/v1",
        "registries:",
        "  src: {kind: layout, path: ./src}",
        "  dst: {kind: layout, path: ./dst}",
        "copies:",
        f"  - {{from: src, to: dst, tags: all, repositories: [{', '.join(repositories)}]}}",
    ]
    write(f"{folder}/crplan.yaml", "\n".join(lines) + "\n")


def write_crplan_long(folder, lines):
    """A spec of about so many lines: four for each image."""
    text = ["apiVersion: crplan/v1", "registries:", "  src: {host: src.registry.example}", "  dst: {host: dst.registry.example}", "images:"]
    for i in range((lines - len(text)) // 4):
        text += [
            f"  - to: dst/team-{i % 97}/app-{i}",
            f"    from: src/team-{i % 97}/app-{i}:1.{i % 10}.0",
            f'    tags: ["1.{i % 10}.0", stable]',
            "    existing: move",
        ]
    write(f"{folder}/crplan.yaml", "\n".join(text) + "\n")
    return len(text)


def write_regsync(path, source, target, repositories, connections):
    """regsync reads YAML, and JSON is YAML."""
    credentials = [{"registry": host, "tls": "disabled", "reqConcurrent": connections} for host in (source, target)]
    sync = [
        {"source": f"{source}/{repository}", "target": f"{target}/{repository}", "type": "repository"} for repository in repositories
    ]
    defaults = {"parallel": connections, "skipDockerConfig": True}
    write(path, json.dumps({"version": 1, "creds": credentials, "defaults": defaults, "sync": sync}, indent=1))


def write_regctl(path, hosts, connections):
    entries = {host: {"tls": "disabled", "hostname": host, "reqConcurrent": connections} for host in hosts}
    write(path, json.dumps({"hosts": entries}))


def write_skopeo_sync(path, source, repositories):
    """No tags means all tags."""
    images = {repository: [] for repository in repositories}
    write(path, json.dumps({source: {"tls-verify": False, "images": images}}))
