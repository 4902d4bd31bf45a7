package main

import (
	"net"
	"net/http"
	"strings"
	"time"

	"countersign/authz/signin"
	"countersign/internal/devidp"
	"countersign/internal/settings"
)

// devProvider reports whether the built-in sign-in for development is there: in
// development mode, and only when nobody but this machine can reach the server, because
// it lets everybody in as anybody.
func (c Config) devProvider() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return c.Dev && err == nil && settings.IsLoopback(host)
}

// withDevProvider puts the development provider in front of a handler, where it may be.
func (c Config) withDevProvider(next http.Handler) (http.Handler, error) {
	if !c.devProvider() {
		return next, nil
	}
	provider, err := devidp.New(c.PublicURL, c.PortalURL+signin.CallbackPath, time.Now)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, devidp.Path) {
			provider.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}
