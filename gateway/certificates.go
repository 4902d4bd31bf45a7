package gateway

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
)

// Headers in which a proxy that ends TLS passes on the client's certificate (RFC 9440).
// They are believed from our own proxies alone; from everybody else they are taken away
// before anything reads them.
const (
	headerClientCert  = "Client-Cert"
	headerClientChain = "Client-Cert-Chain"
)

// maxChain bounds the certificates that may come beside a client's.
const maxChain = 10

// certificates is the client's certificate of the connection and what came to vouch for it;
// empty for none, and for what cannot be read.
func certificates(r *http.Request) []*x509.Certificate {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return r.TLS.PeerCertificates
	}
	leaf := r.Header.Values(headerClientCert)
	if len(leaf) != 1 {
		return nil
	}
	chain := []*x509.Certificate{}
	rest := strings.Split(strings.Join(r.Header.Values(headerClientChain), ","), ",")
	for i, item := range append(leaf, rest[:min(len(rest), maxChain)]...) {
		if item = strings.TrimSpace(item); item == "" && i > 0 {
			continue
		}
		c, err := certificateIn(item)
		if err != nil {
			return nil
		}
		chain = append(chain, c)
	}
	return chain
}

// certificateIn reads a byte sequence of RFC 9651 section 3.3.5: base64 between colons.
func certificateIn(item string) (*x509.Certificate, error) {
	text, begins := strings.CutPrefix(item, ":")
	text, ends := strings.CutSuffix(text, ":")
	if !begins || !ends {
		return nil, base64.CorruptInputError(0)
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// baseOf is our address that a call was made at: the one for certificates, or the usual.
func (s *server) baseOf(r *http.Request) string {
	if host, err := hostOf(s.MutualURL); err == nil && s.MutualURL != "" && host == foldHost(r.Host, "https") {
		return s.MutualURL
	}
	return s.PublicURL
}
