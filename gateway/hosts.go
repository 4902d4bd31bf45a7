package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// portalRoot is below what the pages for people are. It is a path of theirs alone.
const portalRoot = "/portal"

// hosts sends a call to the pages or to the API. They have a host each, so that a
// browser never brings a cookie to the API, and the pages never see a token. In
// development both may be on one host: then the path decides.
type hosts struct {
	*server
	api     http.Handler
	host    string // of the pages, with port unless it is the scheme's own
	oneHost bool
}

// newHosts puts the pages beside the API; without pages the API is all there is.
func newHosts(s *server, api http.Handler) (http.Handler, error) {
	if s.Portal == nil {
		return api, nil
	}
	pages, err := hostOf(s.PortalURL)
	if err != nil {
		return nil, err
	}
	own, err := hostOf(s.PublicURL)
	if err != nil {
		return nil, err
	}
	return &hosts{server: s, api: api, host: pages, oneHost: pages == own}, nil
}

// hostOf is the host of an address as browsers send it.
func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	return foldHost(u.Host, u.Scheme), nil
}

// foldHost leaves out the port that the scheme implies (RFC 9110 section 4.2.3).
func foldHost(host, scheme string) string {
	name, port, err := net.SplitHostPort(host)
	if err == nil && (scheme == "https" && port == "443" || scheme == "http" && port == "80") {
		host = name
	}
	return strings.ToLower(host)
}

// ServeHTTP implements http.Handler.
func (h *hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.toPages(r) {
		h.api.ServeHTTP(w, r)
		return
	}
	started, out := h.Now(), &recorder{ResponseWriter: w}
	defer func() { h.metrics.observe(portalRoot, r.Method, out.status, h.Now().Sub(started)) }()
	h.Portal.ServeHTTP(out, r)
}

func (h *hosts) toPages(r *http.Request) bool {
	if h.oneHost {
		return r.URL.Path == portalRoot || strings.HasPrefix(r.URL.Path, portalRoot+"/")
	}
	scheme := "http"
	if strings.HasPrefix(h.PortalURL, "https:") {
		scheme = "https"
	}
	return foldHost(r.Host, scheme) == h.host
}
