package notice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail"

	"countersign/internal/mailtest"
)

// open starts a mail server and returns how to reach it.
func open(t testing.TB, box *mailtest.Box, implicit bool, cert *tls.Certificate) Server {
	t.Helper()
	out := Server{Host: "127.0.0.1", Port: box.Open(t, implicit, cert), TLS: implicit}
	if cert != nil {
		out.Roots = x509.NewCertPool()
		out.Roots.AddCert(cert.Leaf)
	}
	return out
}

func certificate(t testing.TB) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

var sample = Mail{
	MessageID: "0190-1@contoso.example", From: "devices@contoso.example", To: "ana@fabrikam.example",
	Subject: "Müller möchte Geräte registrieren", Text: "Guten Tag,\n\nZweck: „Rollout“\n.\nEnde\n", Date: time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC),
}

// Mail reaches a real server, encrypted in either way, with proof of who sends it.
func TestSMTP_sends(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	for name, c := range map[string]struct {
		implicit bool
		cert     *tls.Certificate
		password string
	}{
		"STARTTLS": {false, cert, "secret"}, "TLS": {true, cert, "secret"}, "plain on this machine": {false, nil, ""},
	} {
		box := &mailtest.Box{Password: c.password}
		server := open(t, box, c.implicit, c.cert)
		if c.password != "" {
			server.User, server.Password = "gateway", c.password
		}
		if err := NewSMTP(server).Send(t.Context(), sample); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := box.Letters()
		if len(got) != 1 || got[0].Encrypted != (c.cert != nil) || got[0].From != sample.From || got[0].To != sample.To {
			t.Fatalf("%s: %+v", name, got)
		}
		m, err := netmail.ReadMessage(strings.NewReader(got[0].Raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != sample.Subject || m.Header.Get("Message-ID") != "<"+sample.MessageID+">" || m.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: headers %v", name, m.Header)
		}
		if at, err := m.Header.Date(); err != nil || !at.Equal(sample.Date) {
			t.Errorf("%s: date %v", name, at)
		}
	}
}

// A server that cannot prove itself, or a wrong password, gets no mail.
func TestSMTP_refusesTheWrongServer(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	box := &mailtest.Box{}
	server := open(t, box, false, cert)
	server.Roots = x509.NewCertPool()
	if err := NewSMTP(server).Send(t.Context(), sample); err == nil {
		t.Error("a certificate of nobody was taken")
	}
	locked := &mailtest.Box{Password: "secret"}
	server = open(t, locked, false, cert)
	server.User, server.Password = "gateway", "wrong"
	if err := NewSMTP(server).Send(t.Context(), sample); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	if n := len(box.Letters()) + len(locked.Letters()); n != 0 {
		t.Errorf("%d mails were taken", n)
	}
	for host, want := range map[string]mail.TLSPolicy{
		"127.0.0.1": mail.TLSOpportunistic, "localhost": mail.TLSOpportunistic, "::1": mail.TLSOpportunistic,
		"mail.contoso.example": mail.TLSMandatory, "10.0.0.1": mail.TLSMandatory,
	} {
		if got := policyFor(host); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}

// What a server says decides whether there is another try.
func TestSMTP_temporaryAndForGood(t *testing.T) {
	t.Parallel()
	for code, forGood := range map[int]bool{421: false, 451: false, 452: false, 550: true, 552: true, 554: true} {
		box := &mailtest.Box{Refuse: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}}
		err := NewSMTP(open(t, box, false, nil)).Send(t.Context(), sample)
		var permanent *Permanent
		if err == nil || errors.As(err, &permanent) != forGood {
			t.Errorf("%d: %v, for good %v", code, err, errors.As(err, &permanent))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	err = NewSMTP(Server{Host: "127.0.0.1", Port: port}).Send(t.Context(), sample)
	var permanent *Permanent
	if err == nil || errors.As(err, &permanent) {
		t.Errorf("nobody there: %v", err)
	}
}

// No text gets out of its header, and no recipient beside the one is written to.
func TestSMTP_headersHoldWhatIsPut(t *testing.T) {
	t.Parallel()
	box := &mailtest.Box{}
	carrier := NewSMTP(open(t, box, false, nil))
	m := sample
	m.Subject = "x\r\nBcc: evil@evil.example\r\n\r\nbody"
	m.Text = ".\r\nRCPT TO:<evil@evil.example>\r\n"
	if err := carrier.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := box.Letters()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	read, err := netmail.ReadMessage(strings.NewReader(got[0].Raw))
	if err != nil || read.Header.Get("Bcc") != "" || read.Header.Get("Subject") != "x Bcc: evil@evil.example body" {
		t.Errorf("%v: %v", err, read.Header)
	}
	for _, to := range []string{"a@b.example, evil@evil.example", "a@b.example\r\nBcc: x@y.example", ""} {
		m.To = to
		var permanent *Permanent
		if err := carrier.Send(t.Context(), m); !errors.As(err, &permanent) {
			t.Errorf("%q: %v", to, err)
		}
	}
	if n := len(box.Letters()); n != 1 {
		t.Errorf("%d mails, want the first alone", n)
	}
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Server{
		"smtp://mail.contoso.example":                 {Host: "mail.contoso.example", Port: 587},
		"smtps://gateway@mail.contoso.example":        {Host: "mail.contoso.example", Port: 465, TLS: true, User: "gateway"},
		"smtp://g%40contoso.example@[2001:db8::1]:25": {Host: "2001:db8::1", Port: 25, User: "g@contoso.example"},
	} {
		if got, err := ParseServer(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "mail.contoso.example", "http://x", "smtp://", "smtp://user:secret@x", "smtp://x/path", "smtp://x?tls=no", "smtp://x:0", "smtp://x:" + strconv.Itoa(70000)} {
		if got, err := ParseServer(raw); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}
