package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway"
)

func aCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Row D3: what a header says of a certificate is believed from our own proxies alone.
func TestCertificates_whoIsBelieved(t *testing.T) {
	t.Parallel()
	c, other := aCertificate(t), aCertificate(t)
	header := ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":"
	for name, test := range map[string]struct {
		from    string
		headers []string
		conn    *x509.Certificate
		want    *x509.Certificate
	}{
		"our proxy":                    {"10.1.2.3:5000", []string{header}, nil, c},
		"a stranger":                   {"192.0.2.1:5000", []string{header}, nil, nil},
		"nobody":                       {"10.1.2.3:5000", nil, nil, nil},
		"two":                          {"10.1.2.3:5000", []string{header, header}, nil, nil},
		"without colons":               {"10.1.2.3:5000", []string{header[1 : len(header)-1]}, nil, nil},
		"garbage":                      {"10.1.2.3:5000", []string{":AAAA:"}, nil, nil},
		"empty":                        {"10.1.2.3:5000", []string{""}, nil, nil},
		"the connection":               {"192.0.2.1:5000", nil, other, other},
		"the connection and the spoof": {"192.0.2.1:5000", []string{header}, other, other},
	} {
		var shown authz.Presentation
		var asked authz.TokenRequest
		e := newEdge(t, func(d *gateway.Deps) { d.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
		e.presented = func(in authz.Presentation) { shown = in }
		e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
			asked = req
			return authz.TokenResponse{Type: "Bearer"}, nil
		}
		for _, call := range []*http.Request{
			httptest.NewRequest("GET", publicURL+"/v1/uploads", nil), httptest.NewRequest("POST", publicURL+"/oauth2/token", nil),
		} {
			call.RemoteAddr = test.from
			call.Header["Client-Cert"] = test.headers
			call.Header.Set("X-Forwarded-Client-Cert", header)
			call.Header.Set("Authorization", "Bearer partner")
			call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			call.TLS = nil
			if test.conn != nil {
				call.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{test.conn}}
			}
			e.handler.ServeHTTP(httptest.NewRecorder(), call)
		}
		if !shown.Certificate.Equal(test.want) {
			t.Errorf("%s: the API takes another certificate", name)
		}
		if (len(asked.Certificates) > 0) != (test.want != nil) || test.want != nil && !asked.Certificates[0].Equal(test.want) {
			t.Errorf("%s: the token endpoint takes another certificate", name)
		}
	}
}

// A chain that the proxy passes on comes behind the certificate; proofs name the address that the
// caller used.
func TestCertificates_chainAndAddress(t *testing.T) {
	t.Parallel()
	leaf, between := aCertificate(t), aCertificate(t)
	item := func(c *x509.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":" }
	e := newEdge(t, func(d *gateway.Deps) {
		d.TrustedProxies, d.MutualURL = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, "https://mtls.gateway.example.com"
	})
	for host, base := range map[string]string{"MTLS.gateway.example.com": "https://mtls.gateway.example.com", "mtls.gateway.example.com:443": "https://mtls.gateway.example.com", "gateway.example.com": publicURL, "elsewhere.example.com": publicURL} {
		var asked authz.TokenRequest
		e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
			asked = req
			return authz.TokenResponse{}, nil
		}
		call := httptest.NewRequest("POST", publicURL+"/oauth2/token", nil)
		call.Host, call.RemoteAddr, call.RequestURI = host, "10.1.2.3:5000", "/oauth2/token"
		call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		call.Header.Set("Client-Cert", item(leaf))
		call.Header.Set("Client-Cert-Chain", item(between)+", "+item(leaf))
		call.Header.Set("DPoP", "a.b.c")
		e.handler.ServeHTTP(httptest.NewRecorder(), call)
		if len(asked.Certificates) != 3 || !asked.Certificates[0].Equal(leaf) || !asked.Certificates[1].Equal(between) {
			t.Errorf("%s: %d certificates", host, len(asked.Certificates))
		}
		if asked.Proof.URL != base+"/oauth2/token" {
			t.Errorf("%s: the address is %s", host, asked.Proof.URL)
		}
	}
}
