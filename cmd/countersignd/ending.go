package main

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var endingDesc = prometheus.NewDesc("countersign_clients_ending",
	"Active OAuth clients that end within so many days; those of fewer days are counted in more days, too.", []string{"days"}, nil)

// endingDays are when somebody should be told that a client ends.
var endingDays = []int{30, 7, 1}

// endingCollector counts when it is scraped.
type endingCollector struct{ s *services }

// Describe implements prometheus.Collector.
func (*endingCollector) Describe(ch chan<- *prometheus.Desc) { ch <- endingDesc }

// Collect implements prometheus.Collector.
func (e *endingCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	within := make([]time.Duration, len(endingDays))
	for i, days := range endingDays {
		within[i] = time.Duration(days) * 24 * time.Hour
	}
	found, err := e.s.registry.EndingClients(ctx, within...)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(endingDesc, err)
		return
	}
	for i, ending := range found {
		ch <- prometheus.MustNewConstMetric(endingDesc, prometheus.GaugeValue, float64(ending.Count), strconv.Itoa(endingDays[i]))
	}
}
