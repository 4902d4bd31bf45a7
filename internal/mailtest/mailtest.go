// Package mailtest is a mail server for tests: a real one that speaks SMTP, with TLS and
// passwords if wanted, and keeps what it gets.
package mailtest

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Box is a mail server that keeps what it gets. Set it up before it is opened.
type Box struct {
	mu       sync.Mutex
	got      []Letter
	Refuse   *smtp.SMTPError // at the end of DATA; nil takes it
	Password string          // asked for when it is not empty
}

// Letter is a mail as it arrived.
type Letter struct {
	From, To, Raw string
	Encrypted     bool
}

// Letters returns what has arrived.
func (b *Box) Letters() []Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Letter(nil), b.got...)
}

// NewSession implements smtp.Backend.
func (b *Box) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &visit{box: b, letter: Letter{Encrypted: encrypted}, proven: b.Password == ""}, nil
}

type visit struct {
	box    *Box
	letter Letter
	proven bool
}

func (v *visit) AuthMechanisms() []string {
	if v.box.Password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "gateway" || password != v.box.Password {
			return smtp.ErrAuthFailed
		}
		v.proven = true
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if !v.proven {
		return smtp.ErrAuthRequired
	}
	v.letter.From = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.letter.To = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	if v.box.Refuse != nil {
		return v.box.Refuse
	}
	v.letter.Raw = string(raw)
	v.box.got = append(v.box.got, v.letter)
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// Open starts the server on this machine until the test ends and returns its port. With
// a certificate it offers STARTTLS, or speaks TLS from the first byte when implicit.
func (b *Box) Open(t testing.TB, implicit bool, cert *tls.Certificate) int {
	t.Helper()
	srv := smtp.NewServer(b)
	srv.Domain, srv.AllowInsecureAuth = "localhost", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if cert != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
	}
	if implicit {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-ended })
	return port
}
