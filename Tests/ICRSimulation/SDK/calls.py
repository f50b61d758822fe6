"""Makes single calls with IBM's Python SDK.

Reads where the simulator serves, the `host`, and `calls` (a list of [method of the SDK, arguments by name]) from standard input. Writes a
list with the status and result of each.
"""

import json
import sys

from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_container_registry.container_registry_v1 import ContainerRegistryV1

given = json.load(sys.stdin)
service = ContainerRegistryV1(account=given["account"], authenticator=IAMAuthenticator(given["apiKey"], url=given["iam"]))
service.set_service_url(given["registries"][given["host"]]["public"])
answers = []
for name, arguments in given["calls"]:
    try:
        response = getattr(service, name)(**arguments)
        answers.append({"status": response.get_status_code(), "result": response.get_result()})
    except ApiException as error:
        answers.append({"status": error.status_code, "result": {"code": error.code, "message": error.message}})
json.dump(answers, sys.stdout, default=str)
