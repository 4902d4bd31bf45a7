package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
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

// mutual is where clients show certificates, and who vouches for these now.
func (c Config) mutual(log *slog.Logger) (authz.Mutual, func() *x509.CertPool, error) {
	m := authz.Mutual{URL: c.MTLSURL, CAs: c.ClientCA != ""}
	if !m.CAs {
		return m, nil, nil
	}
	authorities, err := c.authorities(time.Now, log)
	return m, authorities, err
}

// authorities follows the file of those who vouch for clients.
func (c Config) authorities(now func() time.Time, log *slog.Logger) (func() *x509.CertPool, error) {
	file := &followed[*x509.CertPool]{
		name: "client_ca", read: func() (*x509.CertPool, error) { return rpc.Authority(c.ClientCA) }, same: (*x509.CertPool).Equal, now: now, log: log,
	}
	if _, err := file.current(); err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	return func() *x509.CertPool {
		pool, err := file.current()
		if err != nil {
			return x509.NewCertPool() // of nobody; nil would be all that the system trusts
		}
		return pool
	}, nil
}

// serverTLS is how the server speaks TLS. Older versions and suites without forward secrecy
// are not spoken.
func (c Config) serverTLS(log *slog.Logger) (*tls.Config, error) {
	file := c.certificate(time.Now, log)
	if _, err := file.current(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return file.current() },
	}, nil
}

// certificate follows the files of the server's certificate.
func (c Config) certificate(now func() time.Time, log *slog.Logger) *followed[*tls.Certificate] {
	return &followed[*tls.Certificate]{
		name: "the certificate", now: now, log: log,
		read: func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
			if err != nil {
				return nil, fmt.Errorf("tls_cert %s and tls_key %s: %w", c.TLSCert, c.TLSKey, err)
			}
			return &pair, nil
		},
		same: func(a, b *tls.Certificate) bool { return a.Leaf.Equal(b.Leaf) },
	}
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
