package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

// placed gives every handler, pages included, requests that say where they come from, and
// in which nobody but our own proxies speaks of certificates.
func (s *server) placed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ourProxy(peer(r)) {
			r.Header.Del(headerClientCert)
			r.Header.Del(headerClientChain)
		}
		if from := s.source(r); from != peer(r) {
			r = r.WithContext(r.Context()) // the HTTP server's own stays as it is
			r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

// source is where a call comes from: the other end of the connection, or, when that is one
// of our own proxies, what it says in X-Forwarded-For. The list is read from its end, past
// further proxies of our own: what stands before the first address that is none of them was
// written by whoever called and is not believed.
func (s *server) source(r *http.Request) netip.Addr {
	at := peer(r)
	if !s.ourProxy(at) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := forwarded(hops[i])
		if !ok {
			return at
		}
		if at = hop; !s.ourProxy(at) {
			return at
		}
	}
	return at
}

// peer is the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func (s *server) ourProxy(at netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

// forwarded reads an address as proxies write it: alone, or with a port.
func forwarded(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone(""), true
	}
	at, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return at.Unmap().WithZone(""), err == nil
}
