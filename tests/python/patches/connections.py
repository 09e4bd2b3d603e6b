"""CodeConnections, which moto has not at all."""

import uuid

from moto.utilities.utils import get_partition

import service_model
from patches import check_shape, fail, page


class Connections:
    """DOCS: connections. One store behind both names of the service, JSON and CBOR."""

    NAMES = ("codeconnections", "codestar-connections")

    def __init__(self):
        self.stored = {}

    def put(self, entry):
        """Lets a test set a connection; a real one becomes AVAILABLE by a click."""
        arn = entry["ConnectionArn"]
        self.stored[arn] = {
            "ConnectionName": arn.rsplit("/", 1)[1],
            "ProviderType": "GitHub",
            "OwnerAccountId": arn.split(":")[4],
            "ConnectionStatus": "PENDING",
            **entry,
        }

    def call(self, service, region, account, operation, params):
        model = service_model.service(service)
        if operation not in model.operation_names:
            raise fail("UnknownOperationException", operation)
        check_shape(service, operation, params, "ValidationException")
        if operation == "GetConnection":
            return {"Connection": self._find(params["ConnectionArn"])}
        if operation == "CreateConnection":
            arn = f"arn:{get_partition(region)}:{service}:{region}:{account}:connection/{uuid.uuid4()}"
            provider = params.get("ProviderType", "GitHub")
            self.put({"ConnectionArn": arn, "ConnectionName": params["ConnectionName"], "ProviderType": provider})
            return {"ConnectionArn": arn, "Tags": params.get("Tags", [])}
        if operation == "DeleteConnection":
            self._find(params["ConnectionArn"])
            del self.stored[params["ConnectionArn"]]
            return {}
        if operation == "ListConnections":
            here = [c for arn, c in sorted(self.stored.items()) if arn.split(":")[3] == region]
            kind = params.get("ProviderTypeFilter")
            here = [c for c in here if kind in (None, c["ProviderType"])]
            found, token = page(here, params.get("MaxResults"), params.get("NextToken"))
            return {"Connections": found, **({"NextToken": token} if token else {})}
        raise fail("UnknownOperationException", operation)

    def _find(self, arn):
        if arn not in self.stored:
            raise fail("ResourceNotFoundException", f"Connection not found: {arn}")
        return self.stored[arn]
