package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var ledgerLagDesc = prometheus.NewDesc("countersign_ledger_lag_seconds",
	"How long the oldest entry of the ledger has waited for its number; about 0 while a sequencer works.", nil, nil)

// ledgerCollector reads the ledger's lag when it is scraped.
type ledgerCollector struct{ s *services }

// Describe names the one figure.
func (l *ledgerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- ledgerLagDesc }

// Collect reads it.
func (l *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	lag, err := l.s.chains.Lag(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(ledgerLagDesc, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(ledgerLagDesc, prometheus.GaugeValue, lag.Seconds())
}
