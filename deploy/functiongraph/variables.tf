variable "name" {
  description = "Of the function, and of all that belongs to it."
  type        = string
  default     = "apig-certificate-detach"
}

variable "project_name" {
  description = "The project of the gateways, such as eu-de or eu-de_shop."
  type        = string
  default     = "eu-de"
}

variable "credentials" {
  description = "JSON as for SECRET_URI, kept as encrypted user data. Empty: the token of the function's agency."
  type        = string
  default     = ""
  sensitive   = true
}

variable "region" {
  description = "OS_REGION_NAME"
  type        = string
  default     = "eu-de"
}

variable "auth_url" {
  description = "OS_AUTH_URL; empty: IAM of the region."
  type        = string
  default     = ""
}

variable "apig_endpoint" {
  description = "APIG_ENDPOINT; empty: API Gateway of the region."
  type        = string
  default     = ""
}

variable "project_id" {
  description = "OS_PROJECT_ID; empty: the project of the token."
  type        = string
  default     = ""
}

variable "dry_run" {
  description = "DETACH_DRY_RUN; false, once the reports show what you expect."
  type        = bool
  default     = true
}

variable "expiry_grace" {
  description = "DETACH_EXPIRY_GRACE, an ISO 8601 duration such as P7D."
  type        = string
  default     = "P0D"
}

variable "protected_domains" {
  description = "DETACH_PROTECTED_DOMAINS, names or *. patterns."
  type        = list(string)
  default     = []
}

variable "max_domains" {
  description = "DETACH_MAX_DOMAINS"
  type        = number
  default     = 200
}

variable "live_domains" {
  description = "DETACH_LIVE_DOMAINS, detach or keep."
  type        = string
  default     = "detach"
}

variable "batch_size" {
  description = "DETACH_BATCH_SIZE"
  type        = number
  default     = 50
}

variable "concurrency" {
  description = "DETACH_CONCURRENCY"
  type        = number
  default     = 4
}

variable "http_timeout" {
  description = "HTTP_TIMEOUT, in seconds."
  type        = number
  default     = 10
}

variable "http_attempts" {
  description = "HTTP_ATTEMPTS"
  type        = number
  default     = 4
}

variable "log_level" {
  description = "LOG_LEVEL"
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "How long the reports, with their way back, are kept."
  type        = number
  default     = 30
}

variable "schedule" {
  description = "Of the daily clean-up: seconds, minutes, hours, day of month, month, day of week."
  type        = string
  default     = "CRON_TZ=Europe/Berlin 0 0 2 * * *"
}

variable "cts_operations" {
  description = <<-EOT
    Operations of the CTS trigger; empty: no such trigger. No page says what the strings look like. Create one trigger in
    the console (service DNS, trace names deletePublicRecordSet, deletePrivateRecordSet, deletePublicZone,
    deletePrivateZone), and read them from GET /v2/{project_id}/fgs/triggers/{function_urn}. Never put
    BatchDisassociateDomains of APIG among them: the function would see its own calls.
  EOT
  type        = list(string)
  default     = []
}
