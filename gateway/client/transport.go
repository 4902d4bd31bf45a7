package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

// CAFile reads certificates (PEM) of authorities to trust beside the system's, for
// Config.RootCAs: those of a company's own or of a proxy that looks inside.
func CAFile(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any: the file's are all there are
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path)
	}
	return pool, nil
}

// defaultHTTP bounds the wait for an answer, not the sending of a body. It
// follows no redirect: none is ever sent, and one would carry the token away.
// HTTPS_PROXY and NO_PROXY say whether a proxy stands in between, and its
// credentials (http.ProxyFromEnvironment).
func defaultHTTP(authorities *x509.CertPool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyFromEnvironment
	transport.OnProxyConnectResponse = proxyAnswer
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	transport.ResponseHeaderTimeout = 3 * time.Minute
	transport.ExpectContinueTimeout = 2 * time.Second
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ProxyError is the refusal of a proxy to connect to the gateway.
type ProxyError struct {
	Proxy  string // host and port
	Status int    // HTTP status
}

// Error says which proxy refused.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s refused to connect to the gateway: HTTP %d %s", e.Proxy, e.Status, http.StatusText(e.Status))
}

func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Status: resp.StatusCode}
}

// final reports a refusal of a proxy that will not change by itself.
func (e *ProxyError) final() bool { return e.Status/100 == 4 && e.Status != http.StatusRequestTimeout }

// UntrustedError says that what answered could not prove to be the gateway. Nothing
// was sent.
type UntrustedError struct {
	Host             string
	UnknownAuthority bool // the certificate is sound, but nobody here knows who signed it
	Err              error
}

// Error names the cause.
func (e *UntrustedError) Error() string {
	if e.UnknownAuthority {
		return fmt.Sprintf("the certificate of %s is not trusted: certificate signed by an unknown authority", e.Host)
	}
	return fmt.Sprintf("the certificate of %s is not trusted: %v", e.Host, e.Err)
}

// Unwrap returns the cause.
func (e *UntrustedError) Unwrap() error { return e.Err }

// refusedOnTheWay finds a failed round trip that repeating does not cure; nil when
// it is none.
func refusedOnTheWay(host string, err error) error {
	var proxy *ProxyError
	if errors.As(err, &proxy) && proxy.final() {
		return proxy
	}
	var bad *tls.CertificateVerificationError
	if !errors.As(err, &bad) {
		return nil
	}
	var unknown x509.UnknownAuthorityError
	return &UntrustedError{Host: host, UnknownAuthority: errors.As(err, &unknown), Err: bad.Err}
}
