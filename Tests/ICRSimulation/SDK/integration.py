"""The sequence of IBM's own integration test (reference of ICR, section G.2), with IBM's Python SDK, against the simulator.

Reads where the simulator serves from standard input, as its first line says; the image to start from is in `seedImage` (below a public
namespace) and `seedDigest`. Asserts each step, and writes what it saw as JSON, by step.
"""

import json
import sys

from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_container_registry.container_registry_v1 import ContainerRegistryV1

given = json.load(sys.stdin)
host = "us.icr.io"
namespace = "sdktests"
repository = f"{host}/{namespace}/sdktest"
seed_digest = given["seedDigest"]
seen = {}

service = ContainerRegistryV1(account=given["account"], authenticator=IAMAuthenticator(given["apiKey"], url=given["iam"]))
service.set_service_url(given["registries"][host]["public"])


def step(name, call, *statuses):
    """Calls, asserts the status, and keeps what came back."""
    try:
        response = call()
        status, result = response.get_status_code(), response.get_result()
    except ApiException as error:
        status, result = error.status_code, {"message": error.message}
    seen[name] = {"status": status, "result": result}
    assert status in statuses, f"{name}: status {status}, not one of {statuses}: {result}"
    return result


def check(name, condition, *facts):
    assert condition, f"{name}: {facts}"


created = step("create namespace", lambda: service.create_namespace(namespace), 200, 201)
check("create namespace", created["namespace"] == namespace, created)
auth = step("get auth", service.get_auth, 200)
check("get auth", auth["iam_authz"] is True, auth)
step("update auth", lambda: service.update_auth(iam_authz=True, private_only=False), 204)
step("get settings", service.get_settings, 200)
step("update settings", lambda: service.update_settings(platform_metrics=True), 204)
check("update settings", step("get settings again", service.get_settings, 200)["platform_metrics"] is True)
step("tag image", lambda: service.tag_image(f"{host}/{given['seedImage']}", f"{repository}:1"), 201)

images = step(
    "list images",
    lambda: service.list_images(namespace=namespace, include_ibm=False, include_private=True, include_manifest_lists=True, vulnerabilities=True),
    200,
)
check("list images", images[0]["RepoTags"][0] == f"{repository}:1", images)
check("list images", seed_digest in images[0]["DigestTags"], images)
step("bulk delete", lambda: service.bulk_delete_images([f"{host}/{namespace}/notexist:1"]), 200)
digests = step(
    "list digests",
    lambda: service.list_image_digests(exclude_tagged=False, exclude_va=False, include_ibm=False, repositories=[]),
    200,
)
check("list digests", any(image["repoTags"].get(repository) is not None for image in digests), digests)
check("list digests", any(image["id"] == seed_digest for image in digests), digests)
inspected = step("inspect image", lambda: service.inspect_image(f"{repository}:1"), 200)
check("inspect image", inspected["Architecture"] == "amd64", inspected)

manifest_response = service.get_image_manifest(f"{repository}:1")
manifest = manifest_response.get_result()
manifest = manifest if isinstance(manifest, dict) else json.loads(manifest.content)
seen["get manifest"] = {"status": manifest_response.get_status_code(), "result": manifest}
check("get manifest", manifest_response.get_status_code() == 200 and manifest["schemaVersion"] == 2, manifest)
content_type = manifest_response.get_headers()["Content-Type"]
check("get manifest", content_type == "application/vnd.docker.distribution.manifest.v2+json", content_type)

step("get messages", service.get_messages, 200, 204)
check("list namespaces", namespace in step("list namespaces", service.list_namespaces, 200))
details = step("list namespace details", service.list_namespace_details, 200)
check("list namespace details", any(entry["name"] == namespace and entry["account"] == given["account"] for entry in details), details)
step("assign namespace", lambda: service.assign_namespace("group-1", namespace), 200)
check("get plan", step("get plan", service.get_plans, 200)["plan"] == "Standard")
step("update plan", lambda: service.update_plans(plan="Standard"), 200)
step("update quota", lambda: service.update_quota(storage_megabytes=500, traffic_megabytes=4900), 200)
quota = step("get quota", service.get_quota, 200)
check("get quota", quota["limit"]["storage_bytes"] == 524288000, quota)
check("get quota", quota["usage"]["storage_bytes"] > 0, quota)

check("list retention", namespace in step("list retention", service.list_retention_policies, 200))
step("set retention", lambda: service.set_retention_policy(namespace, images_per_repo=10, retain_untagged=False), 200, 201)
check("set retention", seen["set retention"]["status"] == 201)
analysis = step("analyze retention", lambda: service.analyze_retention_policy(namespace, images_per_repo=10, retain_untagged=False), 200)
check("analyze retention", analysis is not None, analysis)
check("get retention", step("get retention", lambda: service.get_retention_policy(namespace), 200)["images_per_repo"] == 10)

check("untag", step("untag", lambda: service.delete_image_tag(f"{repository}:1"), 200)["Untagged"])
check("delete image", step("delete image", lambda: service.delete_image(f"{repository}@{seed_digest}"), 200)["Untagged"])
trash = step("list trash", lambda: service.list_deleted_images(namespace=namespace), 200)
check("list trash", trash[f"{repository}@{seed_digest}"]["daysUntilExpiry"] == 30, trash)
check("restore tags", step("restore tags", lambda: service.restore_tags(f"{repository}@{seed_digest}"), 200) is not None)
step("restore image", lambda: service.restore_image(f"{repository}:nope"), 404)
step("delete namespace", lambda: service.delete_namespace(namespace), 204)
check("delete namespace", namespace not in step("list namespaces again", service.list_namespaces, 200))

json.dump(seen, sys.stdout, default=str)
