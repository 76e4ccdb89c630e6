"""Events of other vendors that look like ours, from their documents. Each is refused by the function of every kind.

None says which certificate or domain of API Gateway it means in the way of this project. When one of them is to be
understood, its case here gets another answer.
"""

import json
from typing import Any

from tests.corpus.case import Case, Refused

NO_TYPE = Refused("type", "expected an event that tells its type")
NO_VERSION = Refused("specversion", "expected 1.0 beside type")
OTHER_TYPE = Refused("type", "expected apig.certificate.expired")
OTHER_DETAIL = Refused("detail-type", "expected Certificate Expired")
RECORDS = Refused("Records", "expected exactly one message with a text")

BUS: dict[str, Any] = {"version": "0", "id": "1", "account": "1", "time": "2026-02-03T06:00:12Z", "region": "eu-central-1",
                       "resources": []}  # fmt: skip


def cloudevent(event_type: str, source: str, data: object) -> dict[str, Any]:
    """A CloudEvent of another sender."""
    return {"specversion": "1.0", "id": "1", "source": source, "type": event_type, "data": data}


BODIES: list[tuple[str, Any, Refused]] = [
    ("Alertmanager", {"version": "4", "groupKey": '{}:{alertname="CertExpiry"}', "status": "firing", "receiver": "detach",
                      "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
                      "alerts": [{"status": "firing", "labels": {"instance": "https://a.example.com"},
                                  "startsAt": "2026-02-03T06:00:12Z"}]}, NO_TYPE),
    ("Grafana", {"receiver": "detach", "status": "firing", "orgId": 1, "alerts": [], "title": "[FIRING:1]", "state": "alerting",
                 "message": "certificate expires"}, NO_TYPE),
    ("a CES alarm", {"version": "v1", "data": {"AccountName": "a", "AlarmName": "cert", "IsAlarm": True}}, NO_TYPE),
    ("SNS", {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Subject": "x",
             "Message": json.dumps(cloudevent("apig.cleanup.due", "/", {})), "Timestamp": "2026-02-03T06:00:12.000Z",
             "SignatureVersion": "1", "Signature": "x"}, NO_TYPE),
    ("SNS confirming a subscription", {"Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "x",
                                       "SubscribeURL": "https://sns.example.com/"}, NO_TYPE),
    ("SMN confirming a subscription", {"type": "SubscriptionConfirmation", "message_id": "1", "subscribe_url": "https://smn/"},
     NO_VERSION),
    ("SMN over HTTP", {"signature": "x", "topic_urn": "urn:smn:eu-de:p:t", "message_id": "1", "type": "Notification",
                       "message": json.dumps(cloudevent("apig.cleanup.due", "/", {})), "timestamp": "2026-02-03T06:00:12Z"},
     NO_VERSION),
    ("SNS to Lambda", {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": "{}"}}]}, RECORDS),
    ("S3", {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete",
                         "s3": {"bucket": {"name": "certs"}, "object": {"key": "a.pem"}}}]}, RECORDS),
    ("Kinesis", {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30=", "partitionKey": "1"}}]}, RECORDS),
    ("DynamoDB", {"Records": [{"eventSource": "aws:dynamodb", "eventName": "REMOVE", "dynamodb": {"Keys": {}}}]}, RECORDS),
    ("SES", {"Records": [{"eventSource": "aws:ses", "ses": {"mail": {}}}]}, RECORDS),
    ("Kafka to Lambda", {"eventSource": "aws:kafka", "records": {"t-0": [{"value": "e30="}]}}, NO_TYPE),
    ("API Gateway's proxy", {"resource": "/", "httpMethod": "POST", "headers": {}, "body": "{}", "isBase64Encoded": False}, NO_TYPE),
    ("API Gateway's proxy, version 2", {"version": "2.0", "routeKey": "$default", "rawPath": "/", "body": "{}"}, NO_TYPE),
    ("a load balancer", {"requestContext": {"elb": {"targetGroupArn": "x"}}, "httpMethod": "POST", "body": "{}"}, NO_TYPE),
    ("APIG trigger of FunctionGraph", {"body": "e30=", "requestContext": {"apiId": "x"}, "httpMethod": "POST", "path": "/",
                                       "headers": {}, "isBase64Encoded": True}, NO_TYPE),
    ("OBS trigger of FunctionGraph", {"Records": [{"eventVersion": "2.0", "eventName": "ObjectRemoved", "obs": {}}]}, RECORDS),
    ("DMS trigger of FunctionGraph", {"event_version": "v1.0", "trigger_type": "KAFKA", "records": []},
     Refused("trigger_type", "expected TIMER")),
    ("LTS trigger of FunctionGraph", {"lts": {"data": "e30="}}, NO_TYPE),
    ("CloudWatch Logs", {"awslogs": {"data": "H4sIAAAAAAAA"}}, NO_TYPE),
    ("CloudWatch alarm by EventBridge", BUS | {"detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
                                               "detail": {"alarmName": "DaysToExpiry"}}, OTHER_DETAIL),
    ("CloudTrail", BUS | {"detail-type": "AWS API Call via CloudTrail", "source": "aws.acm",
                          "detail": {"eventName": "DeleteCertificate"}}, OTHER_DETAIL),
    ("CloudTrail of Route 53", BUS | {"detail-type": "AWS API Call via CloudTrail", "source": "aws.route53",
                                      "detail": {"eventName": "ChangeResourceRecordSets"}}, OTHER_DETAIL),
    ("Health", BUS | {"detail-type": "AWS Health Event", "source": "aws.health", "detail": {"service": "ACM"}}, OTHER_DETAIL),
    ("ACM available", BUS | {"detail-type": "ACM Certificate Available", "source": "aws.acm",
                             "detail": {"CommonName": "a.example.com"}}, OTHER_DETAIL),
    ("Security Hub", BUS | {"detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub", "detail": {}}, OTHER_DETAIL),
    ("EventBridge archive", BUS | {"detail-type": "Event Replay Started", "detail": {}}, OTHER_DETAIL),
    ("Step Functions' input", {"Comment": "x", "StartAt": "a"}, NO_TYPE),
    ("Lambda's own result", {"batchItemFailures": []}, NO_TYPE),
    ("Lambda's destination", {"version": "1.0", "timestamp": "2026-02-03T06:00:12Z", "requestPayload": {},
                              "responsePayload": {"status": "detached"}}, NO_TYPE),
    ("Lambda's test event", {"key1": "value1", "key2": "value2", "key3": "value3"}, NO_TYPE),
    ("our own outcome", {"event_id": "1", "kind": "certificate_expiry", "status": "detached", "certificates": [], "undo": []}, NO_TYPE),
    ("our own reply as an event: a loop", cloudevent("apig.detach.completed", "/apig-certificate-detach", {"status": "detached"}), OTHER_TYPE),
    ("our own problem+json", {"type": "about:blank", "title": "InvalidEvent", "status": 422, "detail": "x"},
     Refused("detail-type", "beside detail")),
    ("GitHub", {"action": "deleted", "repository": {"full_name": "a/b"}, "sender": {"login": "x"}}, NO_TYPE),
    ("GitLab", {"object_kind": "push", "event_name": "push", "project": {}}, NO_TYPE),
    ("Stripe", {"id": "evt_1", "object": "event", "type": "customer.deleted", "data": {"object": {}}}, NO_VERSION),
    ("Slack", {"type": "event_callback", "event": {"type": "message"}, "team_id": "T1"}, NO_VERSION),
    ("Slack's challenge", {"type": "url_verification", "challenge": "x", "token": "x"}, NO_VERSION),
    ("PagerDuty", {"event": {"id": "1", "event_type": "incident.triggered", "data": {}}}, NO_TYPE),
    ("Opsgenie", {"action": "Create", "alert": {"alertId": "1"}, "source": {"name": "web", "type": "web"}}, NO_TYPE),
    ("Datadog", {"id": "1", "title": "certificate", "alert_type": "error", "tags": "host:a"}, NO_TYPE),
    ("New Relic", {"issueId": "1", "state": "ACTIVATED", "conditionName": ["cert"]}, NO_TYPE),
    ("Zabbix", {"event": "ssl_expiring", "host": "a.example.com", "severity": "High"}, NO_TYPE),
    ("Uptime Kuma", {"heartbeat": {"status": 0}, "monitor": {"hostname": "a.example.com"}, "msg": "Certificate will expire"}, NO_TYPE),
    ("UptimeRobot", {"monitorFriendlyName": "a", "alertType": "3", "sslExpiryDate": "1770098412"}, NO_TYPE),
    ("Sentry", {"action": "triggered", "data": {"event": {}}, "installation": {"uuid": "x"}}, NO_TYPE),
    ("Pub/Sub's push", {"message": {"data": "e30=", "messageId": "1", "publishTime": "2026-02-03T06:00:12Z"},
                        "subscription": "projects/p/subscriptions/s"}, NO_TYPE),
    ("Pub/Sub as CloudEvent", cloudevent("google.cloud.pubsub.topic.v1.messagePublished", "//pubsub.googleapis.com/projects/p",
                                         {"message": {"data": "e30="}}), OTHER_TYPE),
    ("Cloud Audit Logs", cloudevent("google.cloud.audit.log.v1.written", "//cloudaudit.googleapis.com/",
                                    {"protoPayload": {"methodName": "certificates.delete"}}), OTHER_TYPE),
    ("Cloud Scheduler by Pub/Sub", {"context": {"eventId": "1", "eventType": "google.pubsub.topic.publish"}, "data": {}}, NO_TYPE),
    ("Azure Event Grid", {"id": "1", "topic": "/subscriptions/x", "subject": "cert", "eventType": "Microsoft.KeyVault.CertificateExpired",
                          "eventTime": "2026-02-03T06:00:12Z", "data": {"ObjectName": "cert"}, "dataVersion": "1"}, NO_TYPE),
    ("Key Vault as CloudEvent", cloudevent("Microsoft.KeyVault.CertificateExpired", "/subscriptions/x", {"ObjectName": "c"}), OTHER_TYPE),
    ("Infisical", {"event": "pki.certificate.expired", "project": {"workspaceId": "1"}, "timestamp": 1}, NO_TYPE),
    ("cert-manager's event in Kubernetes", {"kind": "Event", "apiVersion": "v1", "type": "Warning", "reason": "Expired",
                                            "involvedObject": {"kind": "Certificate", "name": "a"}}, NO_VERSION),
    ("an ApiServerSource of Knative", cloudevent("dev.knative.apiserver.resource.delete", "https://k8s",
                                                 {"kind": "Certificate", "metadata": {"name": "a"}}), OTHER_TYPE),
    ("a review of Kubernetes", {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "1"}}, NO_TYPE),
    ("a certificate of cert-manager", {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "spec": {"dnsNames": ["a.example.com"]}}, NO_TYPE),
    ("a watch of Kubernetes", {"type": "DELETED", "object": {"kind": "Ingress"}}, NO_VERSION),
    ("ExternalDNS", cloudevent("io.k8s.externaldns.deleted", "/externaldns", {"domain": "a.example.com"}), OTHER_TYPE),
    ("Harbor", cloudevent("harbor.artifact.deleted", "/projects/1", {}), OTHER_TYPE),
    ("Vault's event", {"data": {"event": {"id": "1"}, "event_type": "pki/revoke"}, "datacontenttype": "application/cloudevents",
                       "id": "1", "source": "vault://h", "specversion": "1.0", "type": "*"}, OTHER_TYPE),
    ("Cloudflare", {"text": "certificate expires", "name": "x", "data": {}, "alert_type": "dedicated_ssl_certificate_event_type"}, NO_TYPE),
    ("Let's Encrypt by e-mail hook", {"from": "expiry@letsencrypt.org", "subject": "expires", "text": "a.example.com"}, NO_TYPE),
    ("Keptn, CloudEvents 0.2", {"specversion": "0.2", "type": "sh.keptn.event.x", "id": "1", "source": "/", "data": {}},
     Refused("specversion", "expected 1.0")),
    ("CloudEvents 0.1", {"cloudEventsVersion": "0.1", "eventType": "apig.cleanup.due", "eventID": "1", "source": "/", "data": {}}, NO_TYPE),
    ("a JSON-RPC call", {"jsonrpc": "2.0", "method": "cleanup", "params": {}, "id": 1}, NO_TYPE),
    ("a GraphQL query", {"query": "{ certificates { id } }"}, NO_TYPE),
    ("JSON Patch in an object", {"op": "remove", "path": "/domains/0"}, NO_TYPE),
    ("a JWT", {"alg": "none", "typ": "JWT"}, NO_TYPE),
    ("JSON-LD", {"@context": "https://schema.org", "@type": "Event"}, NO_TYPE),
    ("a health check", {"status": "ok"}, NO_TYPE),
    ("the request of the operation itself", {"domains": [{"domain": "a.example.com", "instance_ids": ["x"]}]}, NO_TYPE),
    ("a listing of the API", {"size": 0, "total": 0, "certs": []}, NO_TYPE),
    ("nothing", {}, NO_TYPE),
]  # fmt: skip

CASES: list[Case] = [
    Case(f"vendor: {name}", body, answer, over_http="Records" not in body and "trigger_type" not in body)
    for name, body, answer in BODIES
]
