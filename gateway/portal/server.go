package portal

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Deps are what the pages are made of.
type Deps struct {
	SignIn    SignIn
	Setup     Setup
	Clients   Clients
	Consents  Consents
	Decider   Decider
	Changer   Changer
	Receipts  Receipts
	Directory Directory
	Domains   Domains // nil offers no proof of domains
	Devices   Devices
	Remover   Remover
	Ledger    Ledger
	Links     Links
	Blocks    Blocks

	URL     string           // where browsers find the pages, without trailing slash
	Guesses Guesses          // nil slows nobody down
	Source  SourceFunc       // who is at the other end; nil takes the connection's address
	Now     func() time.Time // nil takes time.Now; decisions about time are the services'
	NewID   func() string    // ids of calls, to find them in the log
	Logger  *slog.Logger     // nil discards
}

// SourceFunc says from where a call came.
type SourceFunc func(*http.Request) netip.Addr

// maxForm bounds the body of a POST: the longest form holds a few hundred words.
const maxForm = 64 << 10

// server holds what handlers share. It keeps nothing of a visitor.
type server struct {
	Deps
	secure bool // pages are reached by https: cookies are bound to host and transport
	words  *catalogs
	assets *assets
	pages  *pages
	table  []route
	cross  *http.CrossOriginProtection
}

// New makes the pages. The handler must stand at the root of its host.
func New(d Deps) (http.Handler, error) {
	for name, missing := range map[string]bool{
		"SignIn": d.SignIn == nil, "Setup": d.Setup == nil, "Clients": d.Clients == nil, "Consents": d.Consents == nil, "Decider": d.Decider == nil, "Changer": d.Changer == nil,
		"Receipts": d.Receipts == nil, "Directory": d.Directory == nil, "Devices": d.Devices == nil, "Remover": d.Remover == nil, "Ledger": d.Ledger == nil, "Links": d.Links == nil, "Blocks": d.Blocks == nil, "NewID": d.NewID == nil,
	} {
		if missing {
			return nil, fmt.Errorf("portal: %s is missing", name)
		}
	}
	u, err := url.Parse(d.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("portal: the URL must be an absolute address")
	}
	s := &server{Deps: d, secure: u.Scheme == "https", cross: http.NewCrossOriginProtection()}
	s.fillIn()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	s.table = s.routes()
	return s, nil
}

func (s *server) fillIn() {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Source == nil {
		s.Source = connectionSource
	}
}

// load reads words, style and templates; what is wrong with them shows at start-up.
func (s *server) load() error {
	var err error
	if s.words, err = loadCatalogs(); err != nil {
		return err
	}
	if s.assets, err = loadAssets(); err != nil {
		return err
	}
	s.pages, err = loadPages(s.assets)
	return err
}

func connectionSource(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
