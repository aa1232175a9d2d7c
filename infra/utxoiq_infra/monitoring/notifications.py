"""Whom alerts and the budget are told to."""

import pulumi
from pulumi_gcp import monitoring, pubsub

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.project_number import project_number


class NotificationChannels(Component):
    """`channels` are all, the ones that exist already among them; `emails` those that a budget takes."""

    def __init__(self, name: str, configuration: Configuration, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("NotificationChannels", name, opts)
        self._configuration = configuration
        settings = configuration.notifications
        self.emails: list[pulumi.Input[str]] = [
            self._channel(email, "email", {"email_address": email}) for email in settings.emails
        ]
        self.channels: list[pulumi.Input[str]] = [*self.emails, *settings.existing]
        if settings.pagerduty:
            secret = monitoring.NotificationChannelSensitiveLabelsArgs(service_key=_secret(settings.pagerduty))
            self.channels.append(self._channel("pagerduty", "pagerduty", {}, secret))
        if settings.slack_channel:
            secret = monitoring.NotificationChannelSensitiveLabelsArgs(auth_token=_secret(settings.slack_token))
            self.channels.append(self._channel("slack", "slack", {"channel_name": settings.slack_channel}, secret))
        if settings.webhook:
            # The token is part of the address, so that is the secret.
            self.channels.append(self._channel("webhook", "webhook_tokenauth", {"url": _secret(settings.webhook)}))
        if settings.topic:
            self.channels.append(self._channel("topic", "pubsub", {"topic": settings.topic}))
            self._may_publish(settings.topic)
        self.register_outputs({})

    def _channel(
        self,
        called: str,
        kind: str,
        labels: dict[str, pulumi.Input[str]],
        secret: monitoring.NotificationChannelSensitiveLabelsArgs | None = None,
    ) -> pulumi.Output[str]:
        name = f"{self.pulumi_resource_name}-{called}"
        channel = monitoring.NotificationChannel(
            name,
            display_name=f"{self.pulumi_resource_name}: {called}",
            project=self._configuration.project,
            type=kind,
            labels=labels,
            sensitive_labels=secret,
            user_labels=self._configuration.labels,
            opts=self.own(),
        )
        return channel.id

    def _may_publish(self, topic: str) -> None:
        number = project_number(self._configuration, self)
        pubsub.TopicIAMMember(
            f"{self.pulumi_resource_name}-topic",
            topic=topic,
            role="roles/pubsub.publisher",
            member=pulumi.Output.format(
                "serviceAccount:service-{0}@gcp-sa-monitoring-notification.iam.gserviceaccount.com", number
            ),
            opts=self.own(),
        )


def _secret(value: str) -> pulumi.Output[str]:
    return pulumi.Output.secret(value)
