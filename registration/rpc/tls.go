package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Files name the PEM files of one end of the line.
type Files struct {
	Cert string // who we are
	Key  string
	CA   string // who vouches for the other end; of a client empty for the system's roots
}

// ClientTLS makes what a gateway connects with. The certificate is read again for each
// connection, so that it can be replaced without a restart.
func ClientTLS(f Files) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	var err error
	if f.CA != "" {
		if config.RootCAs, err = Authority(f.CA); err != nil {
			return nil, err
		}
	}
	if f.Cert == "" {
		return config, nil
	}
	if _, err := f.pair(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.pair() }
	return config, nil
}

// ServerTLS makes what a core listens with. With a CA it serves nobody without a
// certificate that the CA vouches for; whoever has one is a gateway, so the CA must not
// sign for anybody else. The core's own certificate is read again for each connection.
func ServerTLS(f Files) (*tls.Config, error) {
	if _, err := f.pair(); err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.pair() },
	}
	if f.CA == "" {
		return config, nil
	}
	var err error
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs, err = Authority(f.CA)
	return config, err
}

func (f Files) pair() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, err)
	}
	return &pair, nil
}

// Authority reads who vouches for certificates from a PEM file.
func Authority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
