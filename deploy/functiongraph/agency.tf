# What the functions may do, and what FunctionGraph may do for them. The one detaches, the other attaches: neither may
# do both.
#
# Not tested on a tenant. The vendor's table of actions has none for /apigw/certificates…. So the apig:certificate:*
# names are taken from Huawei Cloud's newer table, and the others are the nearest ones of Open Telekom Cloud's own. If
# the console refuses an action that it does not know, take it out. If detaching is then refused (403, APIG.1005), give
# the role "APIG FullAccess" instead. After a change of an agency, it takes some ten minutes until a token shows it.

resource "opentelekomcloud_identity_role_v3" "detach" {
  display_name  = var.name
  display_layer = "project"
  description   = "Reads gateways and certificates of API Gateway, detaches certificates from domains."

  statement {
    effect = "Allow"
    action = [
      "apig:instances:list",
      "apig:instances:get",
      "apig:groups:list",
      "apig:groups:get",
      "apig:domains:get",
      "apig:domains:getCertificate",
      "apig:domains:unbindCertificate",
      "apig:certificate:list",
      "apig:certificate:get",
      "apig:certificate:listBoundDomain",
      "apig:certificate:batchUnbindDomain",
    ]
  }

  # For FunctionGraph itself, to tell which events failed.
  statement {
    effect = "Allow"
    action = ["smn:topic:publish", "smn:topic:list"]
  }
}

# For this resource the provider must have no tenant_name: leave OS_PROJECT_NAME out, or use a second provider.
resource "opentelekomcloud_identity_agency_v3" "detach" {
  name                  = var.name
  description           = "For the function ${var.name}"
  delegated_domain_name = "op_svc_cff"

  project_role {
    project = var.project_name
    roles   = [opentelekomcloud_identity_role_v3.detach.display_name]
  }
}
