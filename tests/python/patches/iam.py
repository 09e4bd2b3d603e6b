"""IAM: documents are checked on create, inline policies have their limit."""

import re

from moto.iam import models as iam_models
from moto.iam.exceptions import IAMException
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator


_create_role = iam_models.IAMBackend.create_role
_put_role_policy = iam_models.IAMBackend.put_role_policy


def create_role_checked(self, role_name, assume_role_policy_document, *args, **kwargs):
    """DOCS: trust. moto checks the document on update, not on create."""
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    return _create_role(self, role_name, assume_role_policy_document, *args, **kwargs)


class PolicyLimit(IAMException):
    code = "LimitExceeded"
    status = 409


def put_role_policy_checked(self, role_name, policy_name, policy_json):
    """DOCS: trust. 10,240 characters for all inline policies of a role, blanks apart."""
    role = self.get_role(role_name)
    others = [text for name, text in role.policies.items() if name != policy_name]
    size = sum(len(re.sub(r"\s", "", text)) for text in [*others, policy_json])
    if size > 10240:
        raise PolicyLimit(f"Maximum policy size of 10240 bytes exceeded for role {role_name}")
    return _put_role_policy(self, role_name, policy_name, policy_json)


iam_models.IAMBackend.create_role = create_role_checked
iam_models.IAMBackend.put_role_policy = put_role_policy_checked
