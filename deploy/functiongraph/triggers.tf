# What invokes the function. Each trigger does so asynchronously.

# A clean-up of every expired certificate, once a day. `user_event` may name the gateways: {"instance_ids": ["…"]}.
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

# Events from your own monitoring or your change process. The text of a message is any event that the function knows.
resource "opentelekomcloud_smn_topic_v2" "events" {
  name         = "${var.name}-events"
  display_name = "Certificates that expire, domains that go out of service"
}

resource "opentelekomcloud_fgs_trigger_v2" "smn" {
  function_urn = opentelekomcloud_fgs_function_v2.detach.urn
  type         = "SMN"
  event_data   = jsonencode({ topic_urn = opentelekomcloud_smn_topic_v2.events.topic_urn })
}

# Deletions in DNS. CTS has to be switched on. The variable tells how an operation is written.
resource "opentelekomcloud_fgs_trigger_v2" "cts" {
  count        = length(var.cts_operations) > 0 ? 1 : 0
  function_urn = opentelekomcloud_fgs_function_v2.detach.urn
  type         = "CTS"
  event_data = jsonencode({
    name       = "dns_deletions"
    operations = var.cts_operations
  })
}
