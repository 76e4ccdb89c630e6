# Undo by event: only with a key, and then a function of its own, with an agency of its own. It alone may attach.
# A report can be undone without all this, from the shell (make undo).

locals {
  # Whether there is a key is no secret.
  undo = nonsensitive(var.undo_key != "") ? 1 : 0

  undo_credentials = var.undo_credentials == "" ? {} : { CREDENTIALS = var.undo_credentials }
}

resource "opentelekomcloud_fgs_function_v2" "undo" {
  count       = local.undo
  name        = "${var.name}-undo"
  app         = "default"
  description = "Attaches again what a signed undo list names."
  runtime     = "Python3.12"
  handler     = "index.undo"
  memory_size = 256
  timeout     = 300

  initializer_handler = "index.initializer"
  initializer_timeout = 30

  code_type     = "zip"
  code_filename = basename(local.package)
  func_code     = filebase64(local.package)

  agency     = opentelekomcloud_identity_agency_v3.undo[0].name
  app_agency = opentelekomcloud_identity_agency_v3.undo[0].name

  user_data = jsonencode(merge(local.settings, {
    SECRET_URI = var.undo_credentials == "" ? "functiongraph:" : "env:CREDENTIALS"
  }))
  encrypted_user_data = jsonencode(merge(local.undo_credentials, local.undo_key))

  log_group_id   = opentelekomcloud_lts_group_v2.detach.id
  log_group_name = opentelekomcloud_lts_group_v2.detach.group_name
  log_topic_id   = opentelekomcloud_lts_stream_v2.detach.id
  log_topic_name = opentelekomcloud_lts_stream_v2.detach.stream_name
}

resource "opentelekomcloud_fgs_async_invoke_config_v2" "undo" {
  count                          = local.undo
  function_urn                   = opentelekomcloud_fgs_function_v2.undo[0].urn
  max_async_event_age_in_seconds = 3600
  max_async_retry_attempts       = 3

  on_failure {
    destination = "SMN"
    param       = jsonencode({ topic_urn = opentelekomcloud_smn_topic_v2.failures.topic_urn })
  }
}

# A topic of its own: who may publish events of expiry need not be the one who may undo.
resource "opentelekomcloud_smn_topic_v2" "undo" {
  count        = local.undo
  name         = "${var.name}-undo"
  display_name = "Detaches that are to be undone"
}

resource "opentelekomcloud_fgs_trigger_v2" "undo" {
  count        = local.undo
  function_urn = opentelekomcloud_fgs_function_v2.undo[0].urn
  type         = "SMN"
  event_data   = jsonencode({ topic_urn = opentelekomcloud_smn_topic_v2.undo[0].topic_urn })
}

# See agency.tf: not tested on a tenant.
resource "opentelekomcloud_identity_role_v3" "undo" {
  count         = local.undo
  display_name  = "${var.name}-undo"
  display_layer = "project"
  description   = "Reads gateways and certificates of API Gateway, attaches certificates to domains."

  statement {
    effect = "Allow"
    action = [
      "apig:instances:list",
      "apig:instances:get",
      "apig:groups:list",
      "apig:groups:get",
      "apig:domains:get",
      "apig:domains:getCertificate",
      "apig:certificate:list",
      "apig:certificate:get",
      "apig:certificate:listBoundDomain",
      "apig:certificate:batchBindDomain",
    ]
  }

  # For FunctionGraph itself, to tell which events failed.
  statement {
    effect = "Allow"
    action = ["smn:topic:publish", "smn:topic:list"]
  }
}

resource "opentelekomcloud_identity_agency_v3" "undo" {
  count                 = local.undo
  name                  = "${var.name}-undo"
  description           = "For the function ${var.name}-undo"
  delegated_domain_name = "op_svc_cff"

  project_role {
    project = var.project_name
    roles   = [opentelekomcloud_identity_role_v3.undo[0].display_name]
  }
}

output "undo_topic_urn" {
  description = "Publish signed undo events here. There is none without undo_key."
  value       = one(opentelekomcloud_smn_topic_v2.undo[*].topic_urn)
}

output "undo_function_urn" {
  description = "Or invoke this function with the report as its event."
  value       = one(opentelekomcloud_fgs_function_v2.undo[*].urn)
}
