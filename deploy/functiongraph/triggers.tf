# What invokes the function, each asynchronously.

# Every expired certificate, once a day. `user_event` may name gateways: {"instance_ids": ["…"]}.
resource "opentelekomcloud_fgs_trigger_v2" "timer" {
  function_urn = opentelekomcloud_fgs_function_v2.detach.urn
  type         = "TIMER"
  event_data = jsonencode({
    name          = "certificate_cleanup"
    schedule_type = "Cron"
    schedule      = var.schedule
    user_event    = "{}"
  })
}

# Any event of the contract as the message's text, from your own monitoring or your change process.
resource "opentelekomcloud_smn_topic_v2" "events" {
  name         = "${var.name}-events"
  display_name = "Certificates that expire, domains that go out of service"
}

resource "opentelekomcloud_fgs_trigger_v2" "smn" {
  function_urn = opentelekomcloud_fgs_function_v2.detach.urn
  type         = "SMN"
  event_data   = jsonencode({ topic_urn = opentelekomcloud_smn_topic_v2.events.topic_urn })
}

# Deletions in DNS. CTS has to be switched on; see the variable for the form of an operation.
resource "opentelekomcloud_fgs_trigger_v2" "cts" {
  count        = length(var.cts_operations) > 0 ? 1 : 0
  function_urn = opentelekomcloud_fgs_function_v2.detach.urn
  type         = "CTS"
  event_data = jsonencode({
    name       = "dns_deletions"
    operations = var.cts_operations
  })
}
