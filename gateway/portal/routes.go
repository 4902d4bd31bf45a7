package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/authz/signin"
	"countersign/models"
)

// Where pages are. Everything is below rootPath, so that in development one host can
// serve pages and API.
const (
	rootPath        = "/portal"
	homePath        = rootPath + "/"
	assetPath       = rootPath + "/assets/"
	signInPath      = rootPath + "/sign-in"
	preferencesPath = rootPath + "/preferences"
	linkPath        = rootPath + "/link"
	requestPath     = rootPath + "/requests"
	grantPath       = rootPath + "/permissions"
	devicePath      = rootPath + "/devices/"
	eventsPath      = rootPath + "/history"
	partnerPath     = rootPath + "/partners"
	peoplePath      = rootPath + "/people"
	setUpPath       = rootPath + "/set-up" // signin.SetUpPath without the secret

	organisationPath = rootPath + "/organisation"
	clientsPath      = organisationPath + "/clients"
	endAllPath       = grantPath + "/end-all"
)

// LinkPath is the path of a link that a partner gives to a customer, before the secret.
const LinkPath = rootPath + "/r/"

// access says who may call a route. The zero value lets nobody through.
type access int

const (
	toNobody   access = iota
	toAnybody         // no session is read: what it answers is the same for everybody
	toVisitors        // signed in or not
	toPeople          // signed in, in any role
	toAdmins          // signed in as an administrator
)

// route is one line of the table.
type route struct {
	method  string
	path    string // with {parameters}
	access  access
	section string // of the navigation
	handler func(*visit) error
}

// back is the page a refused change belongs to: the GET of the same thing.
func (r route) back(params map[string]string) string {
	id, ok := params["id"]
	for _, base := range []string{peoplePath, organisationPath} {
		if strings.HasPrefix(r.path, base) {
			return base
		}
	}
	if !ok {
		return ""
	}
	for _, base := range []string{requestPath, grantPath, partnerPath} {
		if strings.HasPrefix(r.path, base+"/{id}") {
			return base + "/" + id
		}
	}
	return ""
}

// routes is the table of everything the pages answer to.
func (s *server) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	const requests, grants, partners, events, organisation = "requests", "permissions", "partners", "history", "organisation"
	return []route{
		{get, assetPath + "{file}", toAnybody, "", (*visit).asset},
		{get, LinkPath + "{secret}", toAnybody, "", (*visit).openLink},
		{get, "/", toVisitors, "", (*visit).home},
		{get, rootPath, toVisitors, "", (*visit).home},
		{get, homePath, toVisitors, "", (*visit).home},
		{get, preferencesPath, toVisitors, "", (*visit).preferences},
		{post, preferencesPath, toVisitors, "", (*visit).setPreferences},

		{get, signInPath, toVisitors, "", (*visit).signInPage},
		{post, signInPath, toVisitors, "", (*visit).beginSignIn},
		{get, signin.CallbackPath, toVisitors, "", (*visit).completeSignIn},
		{post, rootPath + "/step-up", toPeople, "", (*visit).beginStepUp},
		{post, rootPath + "/sign-out", toVisitors, "", (*visit).signOut},

		{get, linkPath, toPeople, requests, (*visit).followLink},
		{get, requestPath, toPeople, requests, (*visit).listRequests},
		{get, requestPath + "/{id}", toPeople, requests, (*visit).showRequest},
		{post, requestPath + "/{id}/grant", toPeople, requests, (*visit).grantRequest},
		{post, requestPath + "/{id}/decline", toPeople, requests, (*visit).declineRequest},
		{get, requestPath + "/{id}/unexpected", toPeople, requests, (*visit).unexpectedPage},
		{get, requestPath + "/{id}/receipt", toPeople, requests, (*visit).showReceipt},
		{get, requestPath + "/{id}/receipt.jws", toPeople, requests, (*visit).saveReceipt},

		{get, grantPath, toPeople, grants, (*visit).listGrants},
		{get, endAllPath, toPeople, grants, (*visit).endAllPage},
		{post, endAllPath, toPeople, grants, (*visit).endAll},
		{get, grantPath + "/{id}", toPeople, grants, (*visit).showGrant},
		{get, grantPath + "/{id}/change", toPeople, grants, (*visit).changePage},
		{post, grantPath + "/{id}/change", toPeople, grants, (*visit).change},
		{get, grantPath + "/{id}/renew", toPeople, grants, (*visit).renewPage},
		{post, grantPath + "/{id}/renew", toPeople, grants, (*visit).renew},
		{get, grantPath + "/{id}/receipt", toPeople, grants, (*visit).showReceipt},
		{get, grantPath + "/{id}/receipt.jws", toPeople, grants, (*visit).saveReceipt},
		{get, grantPath + "/{id}/suspend", toPeople, grants, (*visit).suspendPage},
		{post, grantPath + "/{id}/suspend", toPeople, grants, (*visit).suspend},
		{get, grantPath + "/{id}/resume", toPeople, grants, (*visit).resumePage},
		{post, grantPath + "/{id}/resume", toPeople, grants, (*visit).resume},
		{get, grantPath + "/{id}/end", toPeople, grants, (*visit).endPage},
		{post, grantPath + "/{id}/end", toPeople, grants, (*visit).end},
		{get, grantPath + "/{id}/ended", toPeople, grants, (*visit).ended},
		{get, grantPath + "/{id}/devices", toPeople, grants, (*visit).listDevices},
		{get, grantPath + "/{id}/devices.csv", toPeople, grants, (*visit).exportDevices},
		{get, devicePath + "{id}", toPeople, grants, (*visit).showDevice},
		{post, devicePath + "{id}/remove", toPeople, grants, (*visit).removeDevice},

		{get, partnerPath, toPeople, partners, (*visit).listPartners},
		{get, partnerPath + "/{id}", toPeople, partners, (*visit).showPartner},
		{get, partnerPath + "/{id}/give", toPeople, partners, (*visit).givePage},
		{post, partnerPath + "/{id}/give", toPeople, partners, (*visit).give},
		{post, partnerPath + "/{id}/block", toPeople, partners, (*visit).blockPartner},
		{post, partnerPath + "/{id}/unblock", toPeople, partners, (*visit).unblockPartner},

		{get, organisationPath, toPeople, organisation, (*visit).showOrganisation},
		{get, organisationPath + "/sign-in", toAdmins, organisation, (*visit).editSignIn},
		{post, organisationPath + "/sign-in", toAdmins, organisation, (*visit).saveSignIn},
		{post, organisationPath + "/domains", toAdmins, organisation, (*visit).addDomain},
		{post, organisationPath + "/domains/prove", toAdmins, organisation, (*visit).proveDomain},
		{post, organisationPath + "/domains/release", toAdmins, organisation, (*visit).releaseDomain},
		{get, clientsPath, toAdmins, organisation, (*visit).listClients},
		{post, clientsPath, toAdmins, organisation, (*visit).makeClient},
		{post, clientsPath + "/{client}/take", toAdmins, organisation, (*visit).takeRight},
		{get, peoplePath, toAdmins, organisation, (*visit).listPeople},
		{post, peoplePath + "/{id}/role", toAdmins, organisation, (*visit).setRole},
		{post, peoplePath + "/{id}/disable", toAdmins, organisation, (*visit).disablePerson},
		{post, peoplePath + "/{id}/enable", toAdmins, organisation, (*visit).enablePerson},

		{get, setUpPath + "/sign-in", toVisitors, "", (*visit).setUpSettingsPage},
		{post, setUpPath + "/sign-in", toVisitors, "", (*visit).setUpSettings},
		{get, setUpPath + "/{secret}", toAnybody, "", (*visit).openInvitation},
		{get, setUpPath, toVisitors, "", (*visit).setUpPage},
		{post, setUpPath, toVisitors, "", (*visit).beginSetUp},

		{get, eventsPath, toPeople, events, (*visit).listEvents},
	}
}

// find returns the line of the table for a call. HEAD is a GET without the body.
func (s *server) find(method, escaped string) (route, map[string]string, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	known := false
	for _, r := range s.table {
		params, ok := match(r.path, escaped)
		if !ok {
			continue
		}
		known = true
		if r.method == method {
			return r, params, nil
		}
	}
	if known {
		return route{}, nil, errMethod
	}
	return route{}, nil, errNoPage
}

// match compares a path with a pattern, segment by segment. A parameter named id is a
// GUID, so that nothing else gets near a service.
func match(pattern, escaped string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(escaped, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range want {
		name, ok := strings.CutPrefix(segment, "{")
		if !ok {
			if segment != have[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(have[i])
		name = strings.TrimSuffix(name, "}")
		if err != nil || value == "" || name == "id" && !models.ValidGUID(value) {
			return nil, false
		}
		params[name] = value
	}
	return params, true
}

// ownPage reports whether an address is a page of ours that can be gone to: a path of the
// table that a GET answers, so never another host, whatever a browser makes of slashes.
func (s *server) ownPage(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(address, "\\\t\r\n") {
		return false
	}
	found, _, err := s.find(http.MethodGet, u.EscapedPath())
	return err == nil && (found.access == toPeople || found.access == toAdmins || found.path == homePath)
}

// Routes lists the table as method and path, for tests of what is served.
func (s *server) Routes() (list []string) {
	for _, r := range s.table {
		list = append(list, fmt.Sprintf("%s %s", r.method, r.path))
	}
	return list
}
