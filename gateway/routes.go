package gateway

import (
	"net/http"
	"regexp"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/gateway/apidocs"
	"countersign/models"
)

// RateClass says which budget a call spends.
type RateClass string

// The rate classes.
const (
	RateNone  RateClass = "none"  // documents and probes
	RateToken RateClass = "token" // per source address
	RateAPI   RateClass = "api"   // per OAuth client
)

// Route is one call of the API as its documents need to know it.
type Route struct {
	Method   string
	Path     string             // with {parameters}, as OpenAPI writes them
	Scope    string             // OAuth scope; empty for public calls
	Audience []models.OwnerKind // who may call; empty for everybody, without token
	Class    RateClass
}

// Routes lists the route table.
func Routes() []Route {
	table := (&server{}).routes()
	out := make([]Route, len(table))
	for i, r := range table {
		out[i] = Route{Method: r.method, Path: r.path, Scope: r.scope, Audience: r.audience, Class: r.class}
	}
	return out
}

// route is one line of the table.
type route struct {
	method   string
	path     string
	scope    string
	class    RateClass
	audience []models.OwnerKind
	handler  func(*gin.Context) error
}

// public reports whether a route is for callers without a token.
func (r route) public() bool { return r.scope == "" }

var parameter = regexp.MustCompile(`\{(\w+)\}`)

func (r route) ginPath() string { return parameter.ReplaceAllString(r.path, ":$1") }

// Paths of the Partner Center surface.
const (
	customersPath = "/v1/customers"
	customerPath  = customersPath + "/{tenant}"

	relationshipPath = customersPath + "/relationshiprequests"
	batchesPath      = customerPath + "/deviceBatches"
	devicesPath      = batchesPath + "/{batch}/devices"
)

var (
	partnerOnly  = []models.OwnerKind{models.OwnerPartner}
	tenantOnly   = []models.OwnerKind{models.OwnerTenant}
	ownersOnly   = []models.OwnerKind{models.OwnerPartner, models.OwnerTenant}
	operatorOnly = []models.OwnerKind{models.OwnerOperator}
	everyKind    = []models.OwnerKind{models.OwnerPartner, models.OwnerTenant, models.OwnerOperator}
	deciders     = []models.OwnerKind{models.OwnerTenant, models.OwnerOperator}
)

// routes is the table: what is not in it is refused.
func (s *server) routes() []route {
	const (
		get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
		write, read         = authz.ScopeDevicesWrite, authz.ScopeDevicesRead
		ask, see            = authz.ScopeConsentsRequest, authz.ScopeConsentsRead
		decide              = authz.ScopeConsentsDecide
		manage, clients     = authz.ScopeTenantManage, authz.ScopeClientsManage
		watch, operate      = authz.ScopeOperationsRead, authz.ScopeOperationsWrite
	)
	return []route{
		{post, authz.TokenPath, "", RateToken, nil, s.issueToken},
		{post, legacyTokenPath, "", RateToken, nil, s.legacyToken},
		{post, legacyTokenPathV2, "", RateToken, nil, s.legacyTokenV2},
		{post, authz.RevocationPath, "", RateToken, nil, s.revokeToken},
		{post, authz.IntrospectionPath, "", RateToken, nil, s.introspectToken},
		{get, openIDPath, "", RateNone, nil, s.openIDConfiguration},
		{get, legacyAuthority + openIDPath, "", RateNone, nil, s.legacyConfiguration},
		{get, legacyAuthority + "/v2.0" + openIDPath, "", RateNone, nil, s.legacyConfigurationV2},
		{get, authz.JWKSPath, "", RateNone, nil, s.jwks},
		{get, authz.MetadataPath, "", RateNone, nil, s.metadata},
		{get, authz.ResourceMetadataPath, "", RateNone, nil, s.resourceMetadata},

		{get, customersPath, see, RateAPI, partnerOnly, s.listCustomers},
		{get, relationshipPath, ask, RateAPI, partnerOnly, s.relationshipRequest},
		{get, customerPath, see, RateAPI, partnerOnly, s.getCustomer},
		{post, batchesPath, write, RateAPI, partnerOnly, s.createBatch},
		{get, batchesPath, read, RateAPI, partnerOnly, s.listBatches},
		{post, devicesPath, write, RateAPI, partnerOnly, s.appendDevices},
		{get, devicesPath, read, RateAPI, partnerOnly, s.listDevices},
		{del, devicesPath + "/{device}", write, RateAPI, partnerOnly, s.removeDevice},
		{get, customerPath + "/batchJobStatus/{tracking}", read, RateAPI, partnerOnly, s.batchJobStatus},

		{post, "/v1/oem/buildReports", write, RateAPI, partnerOnly, s.postBuildReport},
		{get, "/v1/oem/buildReports/{tracking}", read, RateAPI, partnerOnly, s.getBuildReport},

		{get, budgetsPath, read, RateAPI, partnerOnly, s.myBudgets},

		{get, ownClientsPath, clients, RateAPI, partnerOnly, s.listOwnClients},
		{post, ownClientsPath, clients, RateAPI, partnerOnly, s.makeOwnClient},
		{get, ownClientsPath + "/{client}", clients, RateAPI, partnerOnly, s.getOwnClient},
		{post, ownClientsPath + "/{client}/secret", clients, RateAPI, partnerOnly, s.rotateOwnSecret},
		{put, ownClientsPath + "/{client}/keys", clients, RateAPI, partnerOnly, s.putOwnKeys},
		{post, ownClientsPath + "/{client}/freeze", clients, RateAPI, partnerOnly, s.freezeOwnClient},
		{post, ownClientsPath + "/{client}/unfreeze", clients, RateAPI, partnerOnly, s.unfreezeOwnClient},

		{http.MethodOptions, filesPath, "", RateNone, nil, s.tusOptions},
		{get, filesPath + "/{file}", write, RateAPI, ownersOnly, s.getFile},
		{http.MethodPatch, filesPath + "/{file}", write, RateAPI, ownersOnly, s.patchFile},
		{del, filesPath + "/{file}", write, RateAPI, ownersOnly, s.deleteFile},

		{get, "/v1/uploads", read, RateAPI, everyKind, s.listUploads},
		{get, "/v1/uploads/{tracking}", read, RateAPI, everyKind, s.getUpload},
		{get, "/v1/uploads/{tracking}/events", read, RateAPI, everyKind, s.watchUpload},
		{get, "/v1/uploads/{tracking}/void", read, RateAPI, ownersOnly, s.previewVoid},
		{post, "/v1/uploads/{tracking}/void", write, RateAPI, ownersOnly, s.voidUpload},
		{get, "/v1/uploads/{tracking}/rows", read, RateAPI, everyKind, s.listUploadRows},

		{post, ownDevicesPath, write, RateAPI, tenantOnly, s.registerOwn},
		{del, ownDevicesPath + "/{device}", write, RateAPI, ownersOnly, s.removeOwn},
		{post, ownDevicesPath + "/{device}/replace", write, RateAPI, ownersOnly, s.replaceDevice},
		{get, ownDevicesPath, read, RateAPI, everyKind, s.findDevices},
		{get, ownDevicesPath + "/{device}", read, RateAPI, everyKind, s.getDevice},
		{get, ownDevicesPath + "/{device}/history", read, RateAPI, everyKind, s.deviceHistory},
		{get, ownDevicesPath + "/{device}/authorization", read, RateAPI, everyKind, s.deviceAuthorization},
		{get, ownDevicesPath + "/{device}/explanation", read, RateAPI, everyKind, s.explainDevice},

		{get, attentionPath, read, RateAPI, everyKind, s.listAttention},
		{get, attentionPath + "/{id}", read, RateAPI, everyKind, s.getAttention},
		{post, attentionPath + "/{id}/settle", write, RateAPI, everyKind, s.settleAttention},

		{get, "/v1/consents", see, RateAPI, everyKind, s.listConsents},
		{post, "/v1/consents", ask, RateAPI, partnerOnly, s.askConsent},
		{get, blocksPath, see, RateAPI, tenantOnly, s.listBlocks},
		{put, blocksPath + "/{partner}", decide, RateAPI, tenantOnly, s.blockPartner},
		{del, blocksPath + "/{partner}", decide, RateAPI, tenantOnly, s.unblockPartner},
		{get, "/v1/consents/{id}", see, RateAPI, everyKind, s.getConsent},
		{get, "/v1/consents/{id}/history", see, RateAPI, everyKind, s.consentHistory},
		{get, "/v1/consents/{id}/receipt", see, RateAPI, ownersOnly, s.consentReceipt},
		{post, "/v1/consents/{id}/withdraw", ask, RateAPI, partnerOnly, s.withdrawConsent},
		{post, "/v1/consents/{id}/remind", ask, RateAPI, partnerOnly, s.remindConsent},
		{post, "/v1/consents/{id}/link", ask, RateAPI, partnerOnly, s.renewLink},
		{post, "/v1/consents/{id}/grant", decide, RateAPI, tenantOnly, s.grantConsent},
		{post, "/v1/consents/{id}/decline", decide, RateAPI, tenantOnly, s.declineConsent},
		{post, "/v1/consents/{id}/amend", decide, RateAPI, tenantOnly, s.amendConsent},
		{get, "/v1/consents/{id}/versions", see, RateAPI, everyKind, s.consentVersions},
		{get, "/v1/consents/{id}/end", see, RateAPI, everyKind, s.previewEnd},
		{post, "/v1/consents/{id}/giveBack", ask, RateAPI, partnerOnly, s.giveBackConsent},
		{post, "/v1/revokeAll", decide, RateAPI, tenantOnly, s.revokeAllConsents},
		{get, "/v1/partnerLinks", see, RateAPI, []models.OwnerKind{models.OwnerPartner, models.OwnerOperator}, s.listLinks},
		{post, "/v1/partnerLinks", ask, RateAPI, partnerOnly, s.offerLink},
		{post, "/v1/partnerLinks/{id}/accept", ask, RateAPI, partnerOnly, s.acceptLink},
		{post, "/v1/partnerLinks/{id}/end", ask, RateAPI, partnerOnly, s.endLink},
		{post, "/v1/consents/{id}/revoke", decide, RateAPI, deciders, s.revokeConsent},
		{post, "/v1/consents/{id}/suspend", decide, RateAPI, deciders, s.suspendConsent},
		{post, "/v1/consents/{id}/resume", decide, RateAPI, tenantOnly, s.resumeConsent},

		{get, "/v1/events", authz.ScopeEventsRead, RateAPI, everyKind, s.listEvents},

		{get, tenantPath, see, RateAPI, tenantOnly, s.getTenant},
		{put, tenantPath, manage, RateAPI, tenantOnly, s.putTenant},
		{get, domainsPath, manage, RateAPI, tenantOnly, s.listDomains},
		{post, domainsPath, manage, RateAPI, tenantOnly, s.challengeDomain},
		{post, domainsPath + "/{domain}/verify", manage, RateAPI, tenantOnly, s.verifyDomain},
		{del, domainsPath + "/{domain}", manage, RateAPI, tenantOnly, s.releaseDomain},
		{get, signInPath, manage, RateAPI, tenantOnly, s.getSignIn},
		{put, signInPath, manage, RateAPI, tenantOnly, s.putSignIn},
		{get, peoplePath, manage, RateAPI, tenantOnly, s.listPeople},
		{put, peoplePath + "/{person}/role", manage, RateAPI, tenantOnly, s.putPersonRole},
		{post, peoplePath + "/{person}/disable", manage, RateAPI, tenantOnly, s.disablePerson},
		{post, peoplePath + "/{person}/enable", manage, RateAPI, tenantOnly, s.enablePerson},
		{get, tenantClientsPath, manage, RateAPI, tenantOnly, s.listTenantClients},
		{post, tenantClientsPath, manage, RateAPI, tenantOnly, s.makeTenantClient},
		{del, tenantClientsPath + "/{client}/scopes/{scope}", manage, RateAPI, tenantOnly, s.takeTenantRight},

		{get, "/v1/dispatches", watch, RateAPI, operatorOnly, s.listDispatches},
		{post, "/v1/dispatches/{id}/restart", operate, RateAPI, operatorOnly, s.restartDispatch},

		{get, "/healthz", "", RateNone, nil, s.healthz},
		{get, "/readyz", "", RateNone, nil, s.readyz},
		{get, "/metrics", "", RateNone, nil, s.serveMetrics},

		{get, "/openapi.json", "", RateNone, nil, s.openAPI},
		{get, "/swagger.json", "", RateNone, nil, s.swagger},
		{get, "/docs", "", RateNone, nil, s.docsHome},
		{get, "/docs/errors", "", RateNone, nil, s.docsErrors},
		{get, apidocs.AssetPath + "{file}", "", RateNone, nil, s.docsAsset},
	}
}
