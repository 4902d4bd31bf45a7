package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"countersign/internal/db"
	"countersign/internal/settings"
	"countersign/registration/rpc"
)

// metrics counts calls by method.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "registrard_calls_total", Help: "Calls answered.",
		}, []string{"method", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "registrard_call_seconds", Help: "From the first byte of the call to the last of the answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"method"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.calls, m.latency,
	)
	return m
}

// count observes calls of the core.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		method := cmp.Or(rpc.Method(r.URL.Path), "none") // never a name that a caller made up
		m.calls.WithLabelValues(method, strconv.Itoa(seen.status)).Inc()
		m.latency.WithLabelValues(method).Observe(time.Since(began).Seconds())
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// listenForOperators opens the address that tells how the core is.
func (c Config) listenForOperators(d *db.DB, m *metrics, draining *atomic.Bool, log *slog.Logger) (listening, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context(), d, draining); err != nil {
			log.WarnContext(r.Context(), "not ready", "error", err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	l, err := net.Listen("tcp", c.OpsListen)
	if err != nil {
		return listening{}, fmt.Errorf("listen on %s: %w", c.OpsListen, err)
	}
	return listening{newServer(mux, log), l}, nil
}

// ready tells why gateways should not call here.
func ready(ctx context.Context, d *db.DB, draining *atomic.Bool) error {
	if draining.Load() {
		return errors.New("the core is stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return d.Ping(ctx)
}

// probeTime is how long a core may take to say whether it is ready.
const probeTime = 4 * time.Second

func readyCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "ready", Short: "Ask the core on this machine whether it takes calls", Args: cobra.NoArgs,
		Long: `Ask the core that runs on this machine with the same settings whether it takes calls. Ends
with 0 if it does and with 1 if not: for the health checks of containers that have no shell.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			if err := c.probe(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(env.stdout, "ready")
			return nil
		},
	}
}

// probe asks /readyz of the operators' address.
func (c Config) probe(ctx context.Context) error {
	if c.OpsListen == "" {
		return errors.New("ops_listen is empty: there is nowhere to ask")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	host, port, err := net.SplitHostPort(c.OpsListen)
	if err != nil {
		return err
	}
	address := "http://" + net.JoinHostPort(settings.OrLoopback(host), port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answered %s", address, resp.Status)
	}
	return nil
}
