package authz_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/models"
)

const certID = models.ClientID("p-0190a0b0-0000-7000-8000-000000000004")

// issuer0 signs certificates.
type issuer0 struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (i *issuer0) issue(t testing.TB, change func(*x509.Certificate)) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key := newECKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: start.Add(-time.Hour), NotAfter: start.Add(time.Hour),
		Subject:     pkix.Name{CommonName: "line3.plant.example", Organization: []string{"Plant"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(template)
	parent, signer := template, crypto.Signer(key)
	if i != nil {
		parent, signer = i.cert, i.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return c, key
}

func newIssuer(t testing.TB, above *issuer0, name string) *issuer0 {
	t.Helper()
	cert, key := above.issue(t, func(c *x509.Certificate) {
		c.Subject, c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = pkix.Name{CommonName: name}, true, true, x509.KeyUsageCertSign, nil
	})
	return &issuer0{cert, key}
}

// mutual gives the fixture authorities for clients and a client that shows certificates.
func (f *fixture) mutual(t testing.TB, ca *issuer0, method models.ClientAuthMethod, subject, jwks string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	var err error
	f.endpoint, err = authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: f.site, Keys: f.keys, Secrets: f.secrets, Clients: f.store, Nonces: f.nonces, Verifier: f.verifier, ClientCAsFunc: func() *x509.CertPool { return pool },
		Now: func() time.Time { return f.now }, NewID: func() string { return "id" }, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	must(t, err)
	client := f.store.clients[keyedID].standing
	client.Client.ID, client.Client.AuthMethod, client.Client.JWKS, client.Client.TLSSubject = certID, method, &jwks, &subject
	f.store.clients[certID] = &clientEntry{standing: client}
}

func (f *fixture) askShowing(chain ...*x509.Certificate) (authz.TokenResponse, error) {
	return f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: form("client_id", string(certID)), Certificates: chain})
}

// Row D1: the chain to our authorities and exactly the one registered name.
func TestMutualTLS_byAuthority(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ca, stranger := newIssuer(t, nil, "plant ca"), newIssuer(t, nil, "plant ca")
	between := newIssuer(t, ca, "line ca")
	const dns = "dns:line3.plant.example"
	named := func(c *x509.Certificate) { c.DNSNames = []string{"LINE3.plant.example"} }
	for name, c := range map[string]struct {
		by      *issuer0
		subject string
		change  func(*x509.Certificate)
		chain   []*x509.Certificate
		good    bool
	}{
		"dns":                     {ca, dns, named, nil, true},
		"through an intermediate": {between, dns, named, []*x509.Certificate{between.cert}, true},
		"dn":                      {ca, "dn:CN=line3.plant.example,O=Plant", func(*x509.Certificate) {}, nil, true},
		"uri":                     {ca, "uri:spiffe://plant/line3", func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "plant", Path: "/line3"}} }, nil, true},
		"ip":                      {ca, "ip:192.0.2.7", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)} }, nil, true},
		"email":                   {ca, "email:line3@plant.example", func(c *x509.Certificate) { c.EmailAddresses = []string{"line3@plant.example"} }, nil, true},
		"two names, one right":    {ca, dns, func(c *x509.Certificate) { c.DNSNames = []string{"other.example", "line3.plant.example"} }, nil, true},

		"another authority of the same name": {stranger, dns, named, nil, false},
		"itself":                             {nil, dns, named, nil, false},
		"a missing intermediate":             {between, dns, named, nil, false},
		"the name in CN alone":               {ca, dns, func(*x509.Certificate) {}, nil, false},
		"another name":                       {ca, dns, func(c *x509.Certificate) { c.DNSNames = []string{"line4.plant.example"} }, nil, false},
		"a wildcard":                         {ca, dns, func(c *x509.Certificate) { c.DNSNames = []string{"*.plant.example"} }, nil, false},
		"the name as an address of mail":     {ca, dns, func(c *x509.Certificate) { c.EmailAddresses = []string{"line3.plant.example"} }, nil, false},
		"for servers": {ca, dns, func(c *x509.Certificate) {
			named(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, nil, false},
	} {
		f.mutual(t, ca, models.TLSClientAuth, c.subject, "")
		leaf, _ := c.by.issue(t, c.change)
		response, err := f.askShowing(append([]*x509.Certificate{leaf}, c.chain...)...)
		if (err == nil) != c.good || err != nil && codeOf(err) != "invalid_client" {
			t.Errorf("%s: %v", name, err)
		}
		if !c.good {
			continue
		}
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: response.AccessToken, Certificate: leaf}); err != nil {
			t.Errorf("%s: the token: %v", name, err)
		}
	}
}

// An expired certificate is named, with its end, to who shows it.
func TestMutualTLS_datesAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ca := newIssuer(t, nil, "plant ca")
	f.mutual(t, ca, models.TLSClientAuth, "dn:CN=line3.plant.example,O=Plant", "")
	leaf, _ := ca.issue(t, func(*x509.Certificate) {})
	for at, want := range map[time.Duration]string{2 * time.Hour: "expired on 2026-03-01T13:00:00Z", -2 * time.Hour: "valid from 2026-03-01T11:00:00Z"} {
		f.now = start.Add(at)
		_, err := f.askShowing(leaf)
		if refused := refusal(t, err, "invalid_client"); !strings.Contains(refused.Description, want) || !strings.Contains(refused.Description, "CN=line3.plant.example,O=Plant") {
			t.Errorf("%v: %s", at, refused.Description)
		}
	}
	short, _ := ca.issue(t, func(c *x509.Certificate) { c.NotAfter = start.Add(time.Minute) })
	f.now = start
	response, err := f.askShowing(short)
	must(t, err)
	f.now = start.Add(2 * time.Minute)
	_, err = f.verifier.Verify(context.Background(), authz.Presentation{Token: response.AccessToken, Certificate: short})
	if codeOf(err) != "invalid_token" || !strings.Contains(err.Error(), "expired on") {
		t.Errorf("at the API: %v", err)
	}
}

// Row D2: the token is bound to the certificate of the connection, not to its key.
func TestMutualTLS_tokensAreBound(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	ca := newIssuer(t, nil, "plant ca")
	f.mutual(t, ca, models.TLSClientAuth, "dn:CN=line3.plant.example,O=Plant", "")
	f.store.clients[certID].standing.Client.Profile = models.ProfileStrict
	leaf, _ := ca.issue(t, func(*x509.Certificate) {})
	other, _ := ca.issue(t, func(*x509.Certificate) {})
	response, err := f.askShowing(leaf)
	must(t, err)
	token := response.AccessToken
	if response.Type != "Bearer" {
		t.Errorf("token_type is %s", response.Type)
	}
	for name, c := range map[string]struct {
		in   authz.Presentation
		good bool
	}{
		"with its certificate": {authz.Presentation{Token: token, Certificate: leaf}, true},
		"with another's":       {authz.Presentation{Token: token, Certificate: other}, false},
		"with none":            {authz.Presentation{Token: token}, false},
		"under DPoP":           {authz.Presentation{Token: token, Certificate: leaf, DPoP: true, Proof: proofOf("GET", apiURL, h.proof(t, "GET", apiURL, token, f.now, nil, nil))}, false},
	} {
		if _, err := f.verifier.Verify(context.Background(), c.in); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same key under a renewed certificate: the thumbprint is of the certificate.
	key := newECKey(t)
	twice := func() *x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: start.Add(-time.Hour), NotAfter: start.Add(time.Hour), Subject: leaf.Subject, ExtKeyUsage: leaf.ExtKeyUsage}
		der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
		must(t, err)
		c, err := x509.ParseCertificate(der)
		must(t, err)
		return c
	}
	before, renewed := twice(), twice()
	response, err = f.askShowing(before)
	must(t, err)
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: response.AccessToken, Certificate: renewed}); codeOf(err) != "invalid_token" {
		t.Errorf("a renewed certificate: %v", err)
	}
}

func TestMutualTLS_selfSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ca := newIssuer(t, nil, "plant ca")
	mine, _ := (*issuer0)(nil).issue(t, func(*x509.Certificate) {})
	same, _ := (*issuer0)(nil).issue(t, func(*x509.Certificate) {})
	jwks, err := authz.CertificateKeySet(inPEM("CERTIFICATE", mine.Raw), start)
	must(t, err)
	f.mutual(t, ca, models.SelfSignedTLSClientAuth, "", jwks)
	if _, err := f.askShowing(mine); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]*x509.Certificate{"another of the same name": same, "the authority's": ca.cert} {
		if _, err := f.askShowing(c); codeOf(err) != "invalid_client" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: form("client_id", string(keyedID)), Certificates: []*x509.Certificate{mine}}); codeOf(err) != "invalid_client" {
		t.Errorf("for a client with another method: %v", err)
	}
	if _, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: form("client_id", string(strangerID)), Certificates: []*x509.Certificate{mine}}); codeOf(err) != "invalid_client" {
		t.Errorf("for a client that does not exist: %v", err)
	}
	f.store.clients[certID].standing.OwnerSuspended = true
	if _, err := f.askShowing(mine); codeOf(err) != "invalid_client" {
		t.Errorf("of a suspended partner: %v", err)
	}
	f.store.clients[certID].standing.OwnerSuspended = false
	f.store.untouchedBut(t, 1)
}

// untouchedBut allows for so many tokens that were given.
func (s *spyStore) untouchedBut(t *testing.T, marks int) {
	t.Helper()
	if len(s.used) != 0 || s.marked != marks {
		t.Errorf("%d used, %d marked", len(s.used), s.marked)
	}
}

func TestCertificateKeySet_refusals(t *testing.T) {
	t.Parallel()
	old, key := (*issuer0)(nil).issue(t, func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Minute) })
	good, _ := (*issuer0)(nil).issue(t, func(*x509.Certificate) {})
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: start.Add(time.Hour)}
	odd, err := x509.CreateCertificate(rand.Reader, template, template, &p384.PublicKey, p384)
	must(t, err)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":       {"", "0 certificates"},
		"no PEM":        {"abc", "0 certificates"},
		"expired":       {inPEM("CERTIFICATE", old.Raw), "expired on"},
		"a private key": {inPEM("CERTIFICATE", good.Raw) + inPEM("PRIVATE KEY", private), "Key 2 of the set was not accepted: a PRIVATE KEY is no certificate"},
		"garbage":       {inPEM("CERTIFICATE", []byte("x")), "cannot be read"},
		"another curve": {inPEM("CERTIFICATE", odd), "its key is not accepted"},
		"too many":      {strings.Repeat(inPEM("CERTIFICATE", good.Raw), 21), "21 certificates"},
	} {
		if _, err := authz.CertificateKeySet(c.text, start); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckTLSSubject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dns:Line3.Plant.example": "dns:line3.plant.example", " dn:CN=a,O=b ": "dn:CN=a,O=b", "ip:::ffff:192.0.2.1": "ip:192.0.2.1", "uri:spiffe://a/b": "uri:spiffe://a/b",
		"": "", "line3": "", "cn:line3": "", "dns:": "", "ip:line3": "", "dns:a\nb": "", "email:" + strings.Repeat("a", 2000): "",
	} {
		if got, err := authz.CheckTLSSubject(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
