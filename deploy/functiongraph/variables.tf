variable "name" {
  description = "The name of the function, and of all that belongs to it."
  type        = string
  default     = "apig-certificate-detach"
}

variable "project_name" {
  description = "The project of the gateways, such as eu-de or eu-de_shop."
  type        = string
  default     = "eu-de"
}

variable "credentials" {
  description = "What SECRET_URI names, as JSON; kept as encrypted user data. Empty: the token of the function's agency."
  type        = string
  default     = ""
  sensitive   = true
}

variable "undo_key" {
  description = "The key that signs undo lists: 32 bytes or more, such as openssl rand -hex 32 makes; one a line, the newest first. Empty: undo by event is off."
  type        = string
  default     = ""
  sensitive   = true
}

variable "undo_credentials" {
  description = "The credentials of the undo function alone, as JSON; kept as encrypted user data. Empty: the token of its own agency."
  type        = string
  default     = ""
  sensitive   = true
}

# generated: settings (make generate)
variable "region" {
  description = "OS_REGION_NAME: builds the two default endpoints, of Open Telekom Cloud's eu-de or eu-nl; for any other region, set both endpoints too."
  type        = string
  default     = "eu-de"
}

variable "auth_url" {
  description = "OS_AUTH_URL: IAM. Empty: https://iam.{region}.otc.t-systems.com/v3."
  type        = string
  default     = ""
}

variable "apig_endpoint" {
  description = "APIG_ENDPOINT: API Gateway; Huawei Cloud: https://apig.{region}.myhuaweicloud.com. Empty: https://apig.{region}.otc.t-systems.com."
  type        = string
  default     = ""
}

variable "project_id" {
  description = "OS_PROJECT_ID: the project whose gateways are looked at. Empty: the token's own project."
  type        = string
  default     = ""
}

variable "dry_run" {
  description = "DETACH_DRY_RUN: plan and report, change nothing."
  type        = bool
  default     = true
}

variable "expiry_grace" {
  description = "DETACH_EXPIRY_GRACE: ISO 8601 duration that must have passed since not_after; -P2D: two days before."
  type        = string
  default     = "P0D"
}

variable "protected_domains" {
  description = "DETACH_PROTECTED_DOMAINS: comma-separated names that are never detached or attached; *.example.com: all below example.com. A bound wildcard that covers a protected name is kept too. Empty: none."
  type        = list(string)
  default     = []
}

variable "max_bindings" {
  description = "DETACH_MAX_BINDINGS: pairs of a domain and a gateway that one event may change; a larger plan is refused whole."
  type        = number
  default     = 200
}

variable "max_cleanup_bindings" {
  description = "DETACH_MAX_CLEANUP_BINDINGS: the same for a clean-up: each call of it counts all that its inventory shows as due."
  type        = number
  default     = 2000
}

variable "max_event_age" {
  description = "DETACH_MAX_EVENT_AGE: ISO 8601 duration; an older event is refused. P0D: off."
  type        = string
  default     = "P7D"
}

variable "live_domains" {
  description = "DETACH_LIVE_DOMAINS: keep: a decommissioned domain whose CNAME still resolves is kept. Empty: detach, for DNS traces keep."
  type        = string
  default     = ""
}

variable "private_zones" {
  description = "DETACH_PRIVATE_ZONES: take traces of private DNS zones too, which anyone in the project may make and delete."
  type        = bool
  default     = false
}

variable "max_undo_age" {
  description = "DETACH_MAX_UNDO_AGE: ISO 8601 duration; an undo by event whose signature is older is refused."
  type        = string
  default     = "P30D"
}

variable "batch_size" {
  description = "DETACH_BATCH_SIZE: domains per request."
  type        = number
  default     = 50
}

variable "concurrency" {
  description = "DETACH_CONCURRENCY: parallel certificates in a clean-up."
  type        = number
  default     = 4
}

variable "http_timeout" {
  description = "HTTP_TIMEOUT: seconds per call, from connecting to the last byte; never past the platform's time."
  type        = number
  default     = 10
}

variable "http_attempts" {
  description = "HTTP_ATTEMPTS: attempts per call."
  type        = number
  default     = 4
}
# generated: end

variable "log_level" {
  description = "LOG_LEVEL"
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "How long the reports are kept. Each has the undo list of its event."
  type        = number
  default     = 30
}

variable "schedule" {
  description = "When the daily clean-up is due: seconds, minutes, hours, day of month, month, day of week."
  type        = string
  default     = "CRON_TZ=Europe/Berlin 0 0 2 * * *"
}

variable "cts_operations" {
  description = <<-EOT
    The operations of the CTS trigger. Empty: there is no such trigger. No page of the vendor says what the strings look
    like. So create one trigger in the console (service DNS, trace names deletePublicRecordSet, deletePrivateRecordSet,
    deletePublicZone, deletePrivateZone), and read the strings from GET /v2/{project_id}/fgs/triggers/{function_urn}.
    Never add BatchDisassociateDomains of APIG: the function would be invoked by its own calls.
  EOT
  type        = list(string)
  default     = []
}
