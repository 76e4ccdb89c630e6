# What the function may do, and FunctionGraph for it.
#
# Not tested on a tenant. The vendor's table of actions has none for /apigw/certificates…: the apig:certificate:* names
# are those of Huawei Cloud's newer table, the others are the nearest of Open Telekom Cloud's own. If the console refuses
# an action that it does not know, take it out; if detaching is then refused (403, APIG.1005), give the role
# "APIG FullAccess" in its place. A change of an agency takes some ten minutes to show in a token.

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
      "apig:certificate:batchBindDomain", # for apig.detach.undo alone
    ]
  }

  # FunctionGraph's own, to say what failed.
  statement {
    effect = "Allow"
    action = ["smn:topic:publish", "smn:topic:list"]
  }
}

# The provider wants no tenant_name for this resource: leave OS_PROJECT_NAME out, or use a second provider.
resource "opentelekomcloud_identity_agency_v3" "detach" {
  name                  = var.name
  description           = "For the function ${var.name}"
  delegated_domain_name = "op_svc_cff"

  project_role {
    project = var.project_name
    roles   = [opentelekomcloud_identity_role_v3.detach.display_name]
  }
}
