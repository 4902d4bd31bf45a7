package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/consent"
	"countersign/gateway"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/internal/settings"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/rpc"
)

// core is what gateway and consent ask of the far side, together.
type core interface {
	forward.Core
	intake.Core
	gateway.DeviceReader
	gateway.Attention
	consent.FenceReader
	// Lookup finds the owner of a device by its hash.
	Lookup(ctx context.Context, hash []byte) (*registration.Owner, error)
}

// lastDevices tells consent which device was registered last under a grant.
type lastDevices struct{ core gateway.DeviceReader }

// LastUnder implements consent.LastReader: lists begin with the newest.
func (l lastDevices) LastUnder(ctx context.Context, grant models.Grant) (models.LastDevice, error) {
	scope := registration.Scope{Partner: grant.PartnerID, Tenant: grant.TenantID}
	found, _, err := l.core.Devices(ctx, scope, registration.Filter{Grant: grant.ID}, registration.Page{Limit: 1})
	if err != nil || len(found) == 0 {
		return models.LastDevice{}, err
	}
	d := found[0]
	return models.LastDevice{TrackingID: &d.TrackingID, Row: &d.Ordinal, DeviceID: &d.ID, RegisteredAt: &d.RegisteredAt}, nil
}

// openCore makes the core in this process, or the way to one elsewhere. It connects to
// nothing yet: a server starts without its core too. connected is called before a core
// elsewhere gets work, and again when it was away.
func (c Config) openCore(d *databases, connected func(context.Context) error, log *slog.Logger) (core, *rpc.Client, error) {
	if c.CoreURL == "" {
		return registration.New(d.core, newID, log), nil, nil
	}
	config, err := rpc.ClientTLS(rpc.Files{Cert: c.CoreTLSCert, Key: c.CoreTLSKey, CA: c.CoreTLSCA})
	if err != nil {
		return nil, nil, err
	}
	client := rpc.NewClient(c.CoreURL, rpc.Options{
		HTTP: rpc.NewLine(config), Now: d.gateway.Now, Connected: connected, Logger: log,
	})
	return client, client, nil
}

// checkCore refuses settings under which hashes and fences would be open to others, or
// that mean two cores.
func (c Config) checkCore() error {
	if c.CoreURL == "" {
		if c.CoreTLSCert+c.CoreTLSKey+c.CoreTLSCA != "" {
			return errors.New("core_tls_cert, core_tls_key and core_tls_ca are for a core elsewhere; set core_url")
		}
		return nil
	}
	if c.CoreDatabaseURL != "" {
		return errors.New("core_url and core_database_url exclude each other: a core elsewhere has its own database")
	}
	u, err := url.Parse(c.CoreURL)
	if err != nil || u.Host == "" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}) {
		return errors.New("core_url: it is not of the form https://host:port")
	}
	if (c.CoreTLSCert == "") != (c.CoreTLSKey == "") {
		return errors.New("core_tls_cert and core_tls_key go together")
	}
	return c.checkCoreLine(u)
}

// checkCoreLine asks for TLS with certificates on both ends, but on this machine.
func (c Config) checkCoreLine(core *url.URL) error {
	trusted := c.Dev || settings.IsLoopback(core.Hostname())
	switch {
	case core.Scheme != "http" && core.Scheme != "https":
		return errors.New("core_url: it is not of the form https://host:port")
	case core.Scheme == "http" && !trusted:
		return fmt.Errorf("core_url: %s is plain http to another machine; use https, or set dev", c.CoreURL)
	case core.Scheme == "http" && c.CoreTLSCert+c.CoreTLSCA != "":
		return errors.New("core_url is plain http, which knows no certificates; use https")
	case core.Scheme == "https" && c.CoreTLSCert == "" && !trusted:
		return errors.New("core_url: the core wants to know who calls; set core_tls_cert and core_tls_key")
	}
	return nil
}

// lineGauges tell an operator how a core elsewhere is reached.
func lineGauges(line *rpc.Client) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "countersign_core_up", Help: "1 while the core answers this replica, 0 while it does not.",
		}, func() float64 {
			if line.State().Up {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "countersign_core_clock_skew_seconds",
			Help: "The most by which the clocks of gateway and core can differ; no work is sent above 5.",
		}, func() float64 { return line.State().Skew.Seconds() }),
	}
}
