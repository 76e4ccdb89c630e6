# FunctionGraph on Open Telekom Cloud: the function that detaches. What it may do is in agency.tf, the undo in undo.tf.
#   make build-functiongraph && terraform -chdir=deploy/functiongraph init && terraform -chdir=deploy/functiongraph apply
# The provider reads its credentials from OS_… variables; see its documentation.

terraform {
  required_version = ">= 1.5"
  required_providers {
    opentelekomcloud = {
      source  = "opentelekomcloud/opentelekomcloud"
      version = ">= 1.36.70"
    }
  }
}

locals {
  package = "${path.module}/../../build/functiongraph.zip"

  given = {
    # generated: settings (make generate)
    OS_REGION_NAME              = var.region
    OS_AUTH_URL                 = var.auth_url
    APIG_ENDPOINT               = var.apig_endpoint
    OS_PROJECT_ID               = var.project_id
    DETACH_DRY_RUN              = tostring(var.dry_run)
    DETACH_EXPIRY_GRACE         = var.expiry_grace
    DETACH_PROTECTED_DOMAINS    = join(",", var.protected_domains)
    DETACH_MAX_BINDINGS         = tostring(var.max_bindings)
    DETACH_MAX_CLEANUP_BINDINGS = tostring(var.max_cleanup_bindings)
    DETACH_MAX_EVENT_AGE        = var.max_event_age
    DETACH_LIVE_DOMAINS         = var.live_domains
    DETACH_PRIVATE_ZONES        = tostring(var.private_zones)
    DETACH_MAX_UNDO_AGE         = var.max_undo_age
    DETACH_BATCH_SIZE           = tostring(var.batch_size)
    DETACH_CONCURRENCY          = tostring(var.concurrency)
    HTTP_TIMEOUT                = tostring(var.http_timeout)
    HTTP_ATTEMPTS               = tostring(var.http_attempts)
    # generated: end
  }
  # What the code does without the variables.
  defaults = {
    # generated: defaults (make generate)
    OS_REGION_NAME              = "eu-de"
    OS_AUTH_URL                 = ""
    APIG_ENDPOINT               = ""
    OS_PROJECT_ID               = ""
    DETACH_DRY_RUN              = "false"
    DETACH_EXPIRY_GRACE         = "P0D"
    DETACH_PROTECTED_DOMAINS    = ""
    DETACH_MAX_BINDINGS         = "200"
    DETACH_MAX_CLEANUP_BINDINGS = "2000"
    DETACH_MAX_EVENT_AGE        = "P7D"
    DETACH_LIVE_DOMAINS         = ""
    DETACH_PRIVATE_ZONES        = "false"
    DETACH_MAX_UNDO_AGE         = "P30D"
    DETACH_BATCH_SIZE           = "50"
    DETACH_CONCURRENCY          = "4"
    HTTP_TIMEOUT                = "10"
    HTTP_ATTEMPTS               = "4"
    # generated: end
  }
  # FunctionGraph takes at most 20 pairs and 4 KB, so what is the default anyway is left out.
  settings = merge(
    { LOG_LEVEL = var.log_level },
    { for name, value in local.given : name => value if value != local.defaults[name] },
    local.undo == 1 ? { UNDO_KEY_URI = "env:UNDO_KEY" } : {},
  )
  # Encrypted user data.
  undo_key    = var.undo_key == "" ? {} : { UNDO_KEY = var.undo_key }
  credentials = var.credentials == "" ? {} : { CREDENTIALS = var.credentials }
}

resource "opentelekomcloud_fgs_function_v2" "detach" {
  name        = var.name
  app         = "default"
  description = "Detaches SSL certificates from API Gateway domains."
  runtime     = "Python3.12"
  handler     = "index.handler"
  memory_size = 256
  timeout     = 300

  initializer_handler = "index.initializer"
  initializer_timeout = 30

  code_type     = "zip"
  code_filename = basename(local.package)
  func_code     = filebase64(local.package)

  # The first is for FunctionGraph itself (notifications). The second is the agency whose token the function gets.
  agency     = opentelekomcloud_identity_agency_v3.detach.name
  app_agency = opentelekomcloud_identity_agency_v3.detach.name

  user_data = jsonencode(merge(local.settings, {
    SECRET_URI = var.credentials == "" ? "functiongraph:" : "env:CREDENTIALS"
  }))
  encrypted_user_data = var.credentials == "" && var.undo_key == "" ? null : jsonencode(merge(local.credentials, local.undo_key))

  log_group_id   = opentelekomcloud_lts_group_v2.detach.id
  log_group_name = opentelekomcloud_lts_group_v2.detach.group_name
  log_topic_id   = opentelekomcloud_lts_stream_v2.detach.id
  log_topic_name = opentelekomcloud_lts_stream_v2.detach.stream_name
}

# An event that fails in three retries too is sent to this topic, so that no event is lost in silence.
resource "opentelekomcloud_fgs_async_invoke_config_v2" "detach" {
  function_urn                   = opentelekomcloud_fgs_function_v2.detach.urn
  max_async_event_age_in_seconds = 3600
  max_async_retry_attempts       = 3

  on_failure {
    destination = "SMN"
    param       = jsonencode({ topic_urn = opentelekomcloud_smn_topic_v2.failures.topic_urn })
  }
}

resource "opentelekomcloud_smn_topic_v2" "failures" {
  name         = "${var.name}-failures"
  display_name = "Events that could not be handled"
}

# The report of an event may be longer than the 4 KB that the console shows, so the logs go to a group of their own.
resource "opentelekomcloud_lts_group_v2" "detach" {
  group_name  = var.name
  ttl_in_days = var.log_retention_days
}

resource "opentelekomcloud_lts_stream_v2" "detach" {
  group_id    = opentelekomcloud_lts_group_v2.detach.id
  stream_name = var.name
}

output "function_urn" {
  value = opentelekomcloud_fgs_function_v2.detach.urn
}

output "events_topic_urn" {
  description = "Publish events here."
  value       = opentelekomcloud_smn_topic_v2.events.topic_urn
}

output "failures_topic_urn" {
  description = "Subscribe to this one."
  value       = opentelekomcloud_smn_topic_v2.failures.topic_urn
}
