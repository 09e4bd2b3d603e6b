"""IAM: documents are checked on create, policies have their limits."""

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


_create_policy = iam_models.IAMBackend.create_policy
_create_policy_version = iam_models.IAMBackend.create_policy_version
_attach_role_policy = iam_models.IAMBackend.attach_role_policy


def check_managed(text):
    """DOCS: quotas. 6,144 characters for a managed policy, blanks apart."""
    if len(re.sub(r"\s", "", text)) > 6144:
        raise PolicyLimit("Cannot exceed quota for PolicySize: 6144")


def create_policy_checked(self, description, path, policy_document, *args, **kwargs):
    check_managed(policy_document)
    return _create_policy(self, description, path, policy_document, *args, **kwargs)


def create_policy_version_checked(self, policy_arn, policy_document, *args, **kwargs):
    check_managed(policy_document)
    return _create_policy_version(self, policy_arn, policy_document, *args, **kwargs)


def attach_role_policy_checked(self, policy_arn, role_name):
    """DOCS: quotas. Ten managed policies for a role."""
    others = [arn for arn in self.get_role(role_name).managed_policies if arn != policy_arn]
    if len(others) >= 10:
        raise PolicyLimit("Cannot exceed quota for PoliciesPerRole: 10")
    return _attach_role_policy(self, policy_arn, role_name)


iam_models.IAMBackend.create_policy = create_policy_checked
iam_models.IAMBackend.create_policy_version = create_policy_version_checked
iam_models.IAMBackend.attach_role_policy = attach_role_policy_checked
iam_models.IAMBackend.create_role = create_role_checked
iam_models.IAMBackend.put_role_policy = put_role_policy_checked
