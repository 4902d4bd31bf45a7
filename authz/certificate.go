package authz

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"countersign/internal/errs"
	"countersign/models"
)

var errNoCertificate = errors.New("the certificate is not one of this client's")

// checkDates refuses a certificate outside its time. The handshake lets it through, so that
// whoever looks for the reason at night reads it here. Subject and dates may be named: who
// holds the key knows the certificate.
func checkDates(c *x509.Certificate, now time.Time) error {
	switch {
	case now.After(c.NotAfter):
		return ErrInvalidToken.WithDetail("The client certificate of %s expired on %s. Renew it.", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return ErrInvalidToken.WithDetail("The client certificate of %s is valid from %s on. Check the clock of your machine.", c.Subject, c.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// byCertificate is tls_client_auth and self_signed_tls_client_auth (RFC 8705 section 2).
func (e *TokenEndpoint) byCertificate(ctx context.Context, id string, chain []*x509.Certificate) (models.ClientStanding, error) {
	if err := checkDates(chain[0], e.deps.Now()); err != nil {
		return models.ClientStanding{}, errBadCredential("%s", errs.From(err).Detail)
	}
	standing, _, err := e.lookUp(ctx, id)
	if err != nil {
		return models.ClientStanding{}, err
	}
	switch standing.Client.AuthMethod {
	case models.TLSClientAuth:
		err = e.vouchedFor(chain, standing.Client.TLSSubject)
	case models.SelfSignedTLSClientAuth:
		err = registered(chain[0], standing.Client.JWKS)
	default:
		err = errWrongMethod
	}
	switch {
	case err != nil:
		return models.ClientStanding{}, errUnproven(err)
	case !standing.MayAct(e.deps.Now()):
		return models.ClientStanding{}, errUnproven(errNoStanding)
	}
	return standing, nil
}

// vouchedFor checks the chain up to our authorities for clients, and that the certificate
// has the one name that was registered (RFC 8705 section 2.1).
func (e *TokenEndpoint) vouchedFor(chain []*x509.Certificate, subject *string) error {
	if e.deps.ClientCAsFunc == nil || subject == nil {
		return errNoCertificate
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: e.deps.ClientCAsFunc(), Intermediates: between, CurrentTime: e.deps.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	if !hasSubject(chain[0], *subject) {
		return errNoCertificate
	}
	return nil
}

// Kinds of names of a certificate that a client can be registered by, as they are written
// before a colon; they are the metadata values of RFC 8705 section 2.1.2.
const (
	subjectDN    = "dn"
	subjectDNS   = "dns"
	subjectURI   = "uri"
	subjectIP    = "ip"
	subjectEmail = "email"
)

// CheckTLSSubject returns the form to store of a certificate's name, such as
// dns:line3.plant.example.
func CheckTLSSubject(text string) (string, error) {
	kind, name, _ := strings.Cut(strings.TrimSpace(text), ":")
	switch kind {
	case subjectIP:
		at, err := netip.ParseAddr(name)
		if err != nil {
			return "", errors.New("after ip: must stand an IP address")
		}
		return subjectIP + ":" + at.Unmap().String(), nil
	case subjectDNS:
		name = strings.ToLower(name)
	case subjectDN, subjectURI, subjectEmail:
	default:
		return "", errors.New("must begin with dn:, dns:, uri:, ip: or email: and a name")
	}
	if name == "" || len(name) > maxCredentialBytes || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return "", errors.New("must name the certificate's subject after the colon, in at most 1024 bytes")
	}
	return kind + ":" + name, nil
}

// hasSubject compares byte by byte: a name with a wildcard, or in another place of the
// certificate, is another name.
func hasSubject(c *x509.Certificate, subject string) bool {
	kind, name, _ := strings.Cut(subject, ":")
	switch kind {
	case subjectDN:
		return c.Subject.String() == name
	case subjectDNS:
		return slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.ToLower(n) == name })
	case subjectURI:
		for _, u := range c.URIs {
			if u.String() == name {
				return true
			}
		}
	case subjectIP:
		for _, ip := range c.IPAddresses {
			if at, ok := netip.AddrFromSlice(ip); ok && at.Unmap().String() == name {
				return true
			}
		}
	case subjectEmail:
		return slices.Contains(c.EmailAddresses, name)
	}
	return false
}

// certificateSet is a key set whose keys are those of certificates (RFC 7517 section 4.7).
type certificateSet struct {
	Keys []certificateKey `json:"keys"`
}

type certificateKey struct {
	jwk
	Thumbprint string   `json:"x5t#S256"`
	Chain      []string `json:"x5c"`
}

// CertificateKeySet reads the certificates of a client that signs its own, in PEM, and
// returns them as the key set to store (RFC 8705 section 2.2.2). The error is a copy of
// ErrKeySet whose sentence names the certificate and the cause.
func CertificateKeySet(text string, now time.Time) (string, error) {
	if len(text) > maxKeySetBytes {
		return "", ErrKeySet.WithDetail("The certificates are larger than %d bytes. Send fewer.", maxKeySetBytes)
	}
	var set certificateSet
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := keyOfCertificate(block, now)
		if err != nil {
			return "", keyError(len(set.Keys), "%s", err)
		}
		set.Keys = append(set.Keys, key)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxClientKeys {
		return "", ErrKeySet.WithDetail("There are %d certificates. Send 1 to %d, in PEM.", len(set.Keys), maxClientKeys)
	}
	out, err := json.Marshal(set)
	return string(out), err
}

func keyOfCertificate(block *pem.Block, now time.Time) (certificateKey, error) {
	if block.Type != "CERTIFICATE" {
		return certificateKey{}, fmt.Errorf("a %s is no certificate; never send a private key", block.Type)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certificateKey{}, errors.New("the certificate cannot be read")
	}
	if now.After(c.NotAfter) {
		return certificateKey{}, fmt.Errorf("the certificate of %s expired on %s", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
	}
	key, err := newJWK(c.PublicKey)
	if err != nil {
		return certificateKey{}, fmt.Errorf("its key is not accepted: %w", err)
	}
	if _, err := key.public(); err != nil {
		return certificateKey{}, fmt.Errorf("its key is not accepted: %w", err)
	}
	if key.Kid, err = key.thumbprint(); err != nil {
		return certificateKey{}, err
	}
	return certificateKey{jwk: key, Thumbprint: digestOf(c.Raw), Chain: []string{base64.StdEncoding.EncodeToString(c.Raw)}}, nil
}

// registered reports whether exactly this certificate was registered.
func registered(c *x509.Certificate, jwks *string) error {
	var set certificateSet
	if jwks == nil || json.Unmarshal([]byte(*jwks), &set) != nil {
		return errNoCertificate
	}
	if !slices.ContainsFunc(set.Keys, func(k certificateKey) bool { return sameThumbprint(c, k.Thumbprint) }) {
		return errNoCertificate
	}
	return nil
}
