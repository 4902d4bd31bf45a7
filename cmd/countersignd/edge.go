package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"countersign/authz"
	"countersign/docs"
	"countersign/gateway"
)

// edge makes the HTTP handler over the joined services.
func edge(c Config, d *databases, s *services, draining *atomic.Bool, log *slog.Logger) (http.Handler, error) {
	nonces, err := authz.LoadNonces(c.DataDir)
	if err != nil {
		return nil, err
	}
	verifier, err := authz.NewVerifier(s.site, s.keys, s.registry, nonces, time.Now)
	if err != nil {
		return nil, err
	}
	mutual, authorities, err := c.mutual(log)
	if err != nil {
		return nil, err
	}
	tokens, err := authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: s.site, Keys: s.keys, Secrets: s.secrets, Clients: s.registry, Nonces: nonces, Verifier: verifier, ClientCAsFunc: authorities, RemoteKeys: s.published, ForeignKeys: s.foreign, Now: time.Now, NewID: newID, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	texts, err := metadataOf(s.site, mutual)
	if err != nil {
		return nil, err
	}
	people, err := pages(c, s, log)
	if err != nil {
		return nil, err
	}
	proxies, err := c.proxyPrefixes()
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Deps{
		TrustedProxies: proxies,
		Verifier:       verifier, Tokens: tokens, Nonces: nonces, JWKS: func() []byte { return authz.JWKSOf(s.keys, s.receipts, s.ledger, s.signInKeys) }, Metadata: texts.server, Resource: texts.resource, OpenID: texts.openID, Throttle: s.budgets,
		Intake: s.uploads, Files: s.files, Uploads: s.reader, Batches: s.reader, Devices: s.far, Attention: s.far, Permits: s.consent,
		Consents: s.consent, ConsentAsker: s.consent, ConsentGrants: s.consent, PartnerLinks: s.consent, ConsentBlocks: s.consent, Proofs: s.proofs, Feed: s.chains, Customers: s.consent, Tenants: s.signin, Domains: s.registry, Clients: s.registry, Dispatches: s.forward,
		Portal: people, PortalURL: c.PortalURL, PublicURL: c.PublicURL, MutualURL: mutual.URL, ServerID: workerName(), NewID: newID, Logger: log,
		Ready: d.ready(draining), Stopping: draining.Load, Registry: newMetrics(s), OpenAPI: docs.OpenAPI, Swagger: docs.Swagger,
	})
}

// metadata is what we publish about ourselves.
type metadata struct{ server, resource, openID []byte }

func metadataOf(site authz.Site, mutual authz.Mutual) (m metadata, err error) {
	if m.server, err = authz.Metadata(site, mutual); err != nil {
		return m, err
	}
	if m.resource, err = authz.ResourceMetadata(site, mutual); err != nil {
		return m, err
	}
	m.openID, err = authz.OpenIDConfiguration(site, mutual)
	return m, err
}

// ready tells a balancer whether to send calls here. A core elsewhere has no say: what
// is accepted while it is away is forwarded later.
func (d *databases) ready(draining *atomic.Bool) func(context.Context) error {
	return func(ctx context.Context) error {
		if draining.Load() {
			return errors.New("the server is stopping")
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return d.ping(ctx)
	}
}

// newMetrics makes the registry behind /metrics with what only the joined
// services know.
func newMetrics(s *services) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&backlogCollector{s: s}, &ledgerCollector{s: s}, &endingCollector{s: s},
	)
	r.MustRegister(s.probing.collectors()...)
	if s.notices != nil {
		r.MustRegister(mailCollector{s.notices})
	}
	if s.shared != nil {
		r.MustRegister(s.shared.gauge())
	}
	if s.line != nil {
		r.MustRegister(lineGauges(s.line)...)
	}
	return r
}

var (
	waitingDesc = prometheus.NewDesc("countersign_dispatches_waiting", "Dispatches that are ready or being worked on, over all replicas.", nil, nil)
	stoppedDesc = prometheus.NewDesc("countersign_dispatches_stopped", "Dispatches that wait for an operator.", nil, nil)
	pausedDesc  = prometheus.NewDesc("countersign_forwarding_paused", "1 while this replica claims no work, because the core does not answer.", nil, nil)
	oldestDesc  = prometheus.NewDesc("countersign_dispatches_oldest_seconds", "Age of the oldest waiting dispatch.", nil, nil)
)

// backlogCollector reads the backlog when it is scraped.
type backlogCollector struct{ s *services }

func (b *backlogCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- waitingDesc
	ch <- stoppedDesc
	ch <- oldestDesc
	ch <- pausedDesc
}

func (b *backlogCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	backlog, err := b.s.forward.Backlog(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(waitingDesc, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(backlog.Waiting))
	ch <- prometheus.MustNewConstMetric(stoppedDesc, prometheus.GaugeValue, float64(backlog.Stopped))
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, backlog.Oldest)
	paused := 0.0
	if backlog.Paused {
		paused = 1
	}
	ch <- prometheus.MustNewConstMetric(pausedDesc, prometheus.GaugeValue, paused)
}
