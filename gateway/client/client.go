package client

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/pause"
)

// Config says how to reach a gateway. Only BaseURL and Credentials are required.
type Config struct {
	BaseURL     string      // public address of the gateway, which is also its issuer; no path
	Credentials Credentials // how the client proves itself at the token endpoint
	// Proof, if set, has tokens bound to a key of the client; nil takes them as bearers'. A
	// strict client gets no others.
	Proof ProofFunc
	HTTP  *http.Client // nil: one that follows no redirect, bounds the wait for an answer and uses the environment's proxy
	// RootCAs are the authorities to trust; nil means the system's. CAFile reads
	// them. They do not touch a client given as HTTP.
	RootCAs   *x509.CertPool
	UserAgent string
	// Patience is how long one call may wait for better times in all, Retry-After
	// included. Zero means DefaultPatience, less than zero never repeats.
	Patience time.Duration
	// Notice, if set, is told before every wait.
	Notice func(Wait)

	Now   func() time.Time                           // nil: time.Now
	Sleep func(context.Context, time.Duration) error // nil: a timer
}

// Wait is a pause before a repeat, and why.
type Wait struct {
	For   time.Duration
	Cause error // *APIError or *UnreachableError
}

// DefaultPatience bounds the waiting of one call.
const DefaultPatience = 2 * time.Minute

// Client is safe for concurrent use.
type Client struct {
	base     *url.URL
	http     *http.Client
	agent    string
	patience time.Duration
	notice   func(Wait)
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	tokens   *tokenSource
	holding  *possession
}

// New makes a Client. Nothing is sent before the first call.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Credentials == nil {
		return nil, errors.New("client: no credentials")
	}
	c := &Client{
		base: base, http: cfg.HTTP, agent: cfg.UserAgent, patience: cfg.Patience,
		notice: cfg.Notice, now: cfg.Now, sleep: cfg.Sleep, holding: &possession{prove: cfg.Proof},
	}
	if c.http == nil {
		c.http = defaultHTTP(cfg.RootCAs)
	}
	c.fillDefaults()
	c.tokens = &tokenSource{client: c, credentials: cfg.Credentials, turn: make(chan struct{}, 1)}
	return c, nil
}

func (c *Client) fillDefaults() {
	if c.agent == "" {
		c.agent = "countersign-client"
	}
	if c.patience == 0 {
		c.patience = DefaultPatience
	}
	if c.notice == nil {
		c.notice = func(Wait) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = pause.For
	}
}

func parseBase(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("client: %q is not the address of a gateway, such as https://gateway.example.com", address)
	}
	return u, nil
}

// BaseURL is the address the client was made for.
func (c *Client) BaseURL() string { return c.base.String() }
