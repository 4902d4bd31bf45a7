// Package egress is the one way in which the server speaks HTTP to addresses that
// somebody else chose: a tenant's OpenID provider, and whatever comes later. Such an
// address must never lead into the operator's own network (SSRF), so the rules hold
// for the address that is dialled and not for the name: it is checked when the
// connection is made, after the name was resolved, which leaves nothing to rebind.
//
// The core is not reached through here: its address is the operator's own setting.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Limits of one exchange.
const (
	Timeout = 15 * time.Second
	MaxBody = 64 << 10 // bytes of an answer
)

// ErrTooLarge says that an answer had more than MaxBody bytes.
var ErrTooLarge = errors.New("the answer is too large")

// Options say what is let through beyond public addresses by https on port 443.
type Options struct {
	// Loopback lets this machine be reached, on any port and by plain http too. It is
	// for development alone.
	Loopback bool
	// Allow are addresses of the operator's own network, such as those of an identity
	// provider inside it. They may be reached on any port, by https.
	Allow []netip.Prefix
	// Resolver answers for names; nil takes the system's.
	Resolver *net.Resolver
	// Transport is changed before use, for tests that trust a certificate of their own.
	Transport func(*http.Transport)
}

// Client reaches addresses chosen by others. It is safe for concurrent use.
type Client struct {
	options Options
	http    *http.Client
}

// New makes a Client. It uses no proxy of the environment, follows no redirect and
// keeps connections of its own.
func New(o Options) *Client {
	c := &Client{options: o}
	if o.Loopback {
		c.options.Allow = append(slices.Clone(o.Allow), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	public := ssrf.New(ssrf.WithPorts(443))
	dialer := &net.Dialer{
		Timeout: Timeout, Resolver: o.Resolver,
		Control: func(network, address string, conn syscall.RawConn) error {
			if c.allowed(address) {
				return nil
			}
			return public.Safe(network, address, conn)
		},
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: Timeout, ResponseHeaderTimeout: Timeout,
		MaxIdleConns: 20, MaxConnsPerHost: 10, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: MaxBody,
	}
	if o.Transport != nil {
		o.Transport(transport)
	}
	c.http = &http.Client{
		Timeout: Timeout, Transport: bounded{c, transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// HTTP is the client for libraries that want one. Every rule holds for it.
func (c *Client) HTTP() *http.Client { return c.http }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// allowed reports whether an address to be dialled is one of the operator's own choice.
func (c *Client) allowed(address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.options.Allow, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })
}

// CheckURL says what is wrong with an address that somebody chose, before it is
// stored or used: no https, a user, a fragment, an address instead of a name, or a
// name that other programs could read as an address. Its sentence may be shown.
func (c *Client) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" || u.User != nil || strings.Contains(raw, "#") || !printableASCII(raw) {
		return errors.New("must be an https address without user and fragment")
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		if !c.allowed(netip.AddrPortFrom(addr, 443).String()) {
			return errors.New("must name its host: addresses are not taken")
		}
	} else if !validHost(host) {
		return errors.New("must name its host in letters, digits, dots and hyphens (xn-- for other letters)")
	}
	if u.Scheme != "https" && (!c.options.Loopback || u.Scheme != "http" || !isLoopback(host)) {
		return errors.New("must be an https address")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// printableASCII keeps out line breaks, backslashes and letters that look like others.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			return false
		}
	}
	return true
}

// validHost accepts a host name whose last label is no number: 2130706433 and 0x7f.1
// are 127.0.0.1 to some programs.
func validHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInHost) {
			return false
		}
	}
	first := labels[len(labels)-1][0]
	return len(host) <= 253 && (first < '0' || first > '9')
}

func notInHost(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// bounded checks the address of each request and bounds each answer.
type bounded struct {
	client *Client
	next   *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.client.CheckURL(r.URL.String()); err != nil {
		return nil, fmt.Errorf("the address %w", err)
	}
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: MaxBody}
	return response, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (b bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

// boundedBody fails, rather than ends, where too much comes: half a document must not
// pass for a whole one.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// NewResolver asks one DNS server, host:port; empty takes the system's.
func NewResolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}
