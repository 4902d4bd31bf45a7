package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"countersign/authz"
	"countersign/internal/settings"
	"countersign/registration/rpc"
)

// completeMutual fills and judges what belongs to the address for certificates. Behind a
// proxy that ends TLS there is only its address and the authorities.
func (c *Config) completeMutual() error {
	switch {
	case c.MTLSListen != "" && c.TLSCert == "":
		return errors.New("mtls_listen needs tls_cert and tls_key: certificates are shown over TLS only")
	case c.ClientCA != "" && c.MTLSListen == "" && c.MTLSURL == "":
		return errors.New("client_ca needs mtls_listen, or mtls_url where a proxy asks for certificates")
	case c.MTLSURL != "" && c.MTLSListen == "" && c.TrustedProxies == "":
		return errors.New("mtls_url needs mtls_listen, or trusted_proxies: a proxy that is not named is not believed about certificates")
	}
	if c.MTLSListen == "" && c.MTLSURL == "" {
		return nil
	}
	if c.MTLSURL == "" {
		host, port, err := settings.SplitAddress("mtls_listen", c.MTLSListen)
		if err != nil {
			return err
		}
		c.MTLSURL = "https://" + net.JoinHostPort(settings.OrLoopback(host), port)
	}
	if err := c.checkAddress("mtls_url", c.MTLSURL); err != nil {
		return err
	}
	if c.MTLSURL == c.PublicURL {
		return errors.New("mtls_url must differ from public_url: a browser or a client without certificate must not be asked for one there")
	}
	return nil
}

// mutual is where clients show certificates, and who vouches for these.
func (c Config) mutual() (authz.Mutual, *x509.CertPool, error) {
	m := authz.Mutual{URL: c.MTLSURL, CAs: c.ClientCA != ""}
	if !m.CAs {
		return m, nil, nil
	}
	pool, err := rpc.Authority(c.ClientCA)
	if err != nil {
		return m, nil, fmt.Errorf("client_ca: %w", err)
	}
	return m, pool, nil
}

// serverTLS is how the server speaks TLS. Older versions and suites without forward secrecy
// are not spoken.
func (c Config) serverTLS(log *slog.Logger) (*tls.Config, error) {
	files := &certificateFiles{cert: c.TLSCert, key: c.TLSKey, now: time.Now, log: log}
	if _, err := files.current(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.current, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// askingForCertificates makes of a configuration that of the address for certificates. The
// handshake takes any certificate, or none: what is wrong with one is answered where it can
// be explained. Sessions are not resumed, so that every connection shows its certificate.
func askingForCertificates(plain *tls.Config) *tls.Config {
	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	asking.SessionTicketsDisabled = true
	return asking
}

// certificateFiles follows the files of the server's certificate, which are renewed while it
// runs. It looks at them at most once a second, and goes on with what it has when they
// cannot be read.
type certificateFiles struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	looked time.Time
}

// current implements GetCertificate of a tls.Config.
func (f *certificateFiles) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.loaded != nil && now.Sub(f.looked).Abs() < time.Second {
		return f.loaded, nil
	}
	f.looked = now
	err := f.load()
	if err != nil && f.loaded == nil {
		return nil, err
	}
	if err != nil {
		f.log.ErrorContext(context.Background(), "the certificate cannot be read again; the server goes on with the one it has", "error", err)
	}
	return f.loaded, nil
}

func (f *certificateFiles) load() error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("tls_cert %s and tls_key %s: %w", f.cert, f.key, err)
	}
	if f.loaded != nil && !f.loaded.Leaf.Equal(pair.Leaf) {
		f.log.InfoContext(context.Background(), "the certificate has changed", "until", pair.Leaf.NotAfter)
	}
	f.loaded = &pair
	return nil
}
