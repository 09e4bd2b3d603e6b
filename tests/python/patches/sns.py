"""SNS: a subscription by mail or HTTP waits for its confirmation."""

from moto.core.responses import ActionResult
from moto.sns import models as sns_models
from moto.sns import responses as sns_responses
from moto.sns.exceptions import SNSInvalidParameter


CONFIRMED_BY_HAND = ("email", "email-json", "http", "https")
_sns_subscribe = sns_models.SNSBackend.subscribe


def subscribe_backend(self, topic_arn, endpoint, protocol):
    """DOCS: sns. An address confirms its subscription before it has an ARN."""
    before = self._find_subscription(topic_arn, endpoint, protocol)
    subscription = _sns_subscribe(self, topic_arn, endpoint, protocol)
    if before is None and protocol in CONFIRMED_BY_HAND:
        subscription.attributes["PendingConfirmation"] = True
        subscription.attributes["ConfirmationWasAuthenticated"] = False
    return subscription


_sns_subscribe_response = sns_responses.SNSResponse.subscribe


def subscribe(self):
    """DOCS: sns."""
    result = _sns_subscribe_response(self)
    found = self.backend.subscriptions[result.result["SubscriptionArn"]]
    wanted = str(self._get_param("ReturnSubscriptionArn")).lower() == "true"
    if found.attributes.get("PendingConfirmation") and not wanted:
        return ActionResult({"SubscriptionArn": "pending confirmation"})
    return result


def _listed(entry):
    pending = entry.attributes.get("PendingConfirmation")
    return {
        "SubscriptionArn": "PendingConfirmation" if pending else entry.arn,
        "Owner": entry.owner,
        "Protocol": entry.protocol,
        "Endpoint": entry.endpoint,
        "TopicArn": entry.topic_arn,
    }


def list_subscriptions(self):
    """DOCS: sns."""
    found, token = self.backend.list_subscriptions(next_token=self._get_param("NextToken"))
    return ActionResult({"Subscriptions": [_listed(s) for s in found], "NextToken": token})


def list_subscriptions_by_topic(self):
    """DOCS: sns."""
    found, token = self.backend.list_subscriptions_by_topic(
        self._get_param("TopicArn"), next_token=self._get_param("NextToken")
    )
    return ActionResult({"Subscriptions": [_listed(s) for s in found], "NextToken": token})


_sns_unsubscribe = sns_responses.SNSResponse.unsubscribe


def unsubscribe(self):
    """sns APIReference API_Unsubscribe: what is not an ARN is refused."""
    if not str(self._get_param("SubscriptionArn")).startswith("arn:"):
        raise SNSInvalidParameter("Invalid parameter: SubscriptionId")
    return _sns_unsubscribe(self)


sns_models.SNSBackend.subscribe = subscribe_backend
for patch in (subscribe, list_subscriptions, list_subscriptions_by_topic, unsubscribe):
    setattr(sns_responses.SNSResponse, patch.__name__, patch)


def confirm(topic, endpoint):
    """What a click on the link in the mail does."""
    _, _, _, region, account, _ = topic.split(":", 5)
    for found in sns_models.sns_backends[account][region].subscriptions.values():
        if found.topic_arn == topic and found.endpoint == endpoint:
            found.attributes.update(PendingConfirmation=False, ConfirmationWasAuthenticated=True)
            return True
    return False
