package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/admin"
	"countersign/internal/devidp"
)

// drainTime is how long requests in progress get after a signal.
const drainTime = 25 * time.Second

func serveCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs,
		Long: `Run the gateway, the forwarder and the core. With nothing set it uses embedded SQLite in
./countersign-data and listens on 127.0.0.1:8080. It ends gracefully on the first signal and
at once on the second.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			log, err := c.logger(env.stderr)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, log)
		},
	}
}

// serve runs everything until ctx ends. Shutdown goes in the order that loses
// nothing: stop accepting, finish requests, stop the background, close.
func serve(ctx context.Context, c Config, log *slog.Logger) error {
	d, err := c.openDatabases(ctx, log)
	if err != nil {
		return err
	}
	s, err := join(c, d, nil, log)
	if err != nil {
		return errors.Join(err, d.close())
	}
	if err = s.consent.RecordHistory(ctx); err == nil {
		err = serveOn(ctx, c, d, s, log)
	}
	return errors.Join(err, s.close(), d.close())
}

func serveOn(ctx context.Context, c Config, d *databases, s *services, log *slog.Logger) error {
	var draining atomic.Bool
	handler, err := edge(c, d, s, &draining, log)
	if err != nil {
		return err
	}
	if handler, err = c.withDevProvider(handler); err != nil {
		return err
	}
	socket, err := admin.Listen(c.socketPath())
	if err != nil {
		return err
	}
	listeners, err := c.listen(log)
	if err != nil {
		return errors.Join(err, socket.Close())
	}
	var open connections
	srv := &http.Server{
		Handler:           lastAnswers(handler, &draining),
		ConnState:         open.note,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan struct{})
	go func() { s.run(background, d, log); close(ended) }()
	failed := make(chan error, len(listeners)+1)
	for _, l := range listeners {
		go func() { failed <- serveHTTP(srv, l) }()
	}
	go func() { failed <- admin.Serve(background, socket, operations(s), log) }()
	c.announce(log)

	select {
	case err = <-failed:
	case <-ctx.Done():
		draining.Store(true)
		log.InfoContext(ctx, "stopping: finishing requests and claimed work")
		closeAll(listeners) // whoever comes now is refused, and goes to another replica
		drain, cancel := context.WithTimeout(background, drainTime)
		open.await(drain, lastCalls)
		err = srv.Shutdown(drain)
		cancel()
	}
	stop()
	<-ended
	return err
}

// listen opens the addresses of the API: the usual one, and the one for certificates.
func (c Config) listen(log *slog.Logger) ([]net.Listener, error) {
	addresses := []string{c.Listen}
	if c.MTLSListen != "" {
		addresses = append(addresses, c.MTLSListen)
	}
	var secure *tls.Config
	if c.TLSCert != "" {
		var err error
		if secure, err = c.serverTLS(log); err != nil {
			return nil, err
		}
	}
	var listeners []net.Listener
	for i, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		switch {
		case i > 0:
			l = tls.NewListener(l, askingForCertificates(secure))
		case secure != nil:
			l = tls.NewListener(l, secure)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

func serveHTTP(srv *http.Server, l net.Listener) error {
	err := srv.Serve(l)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// announce says where the server is and, in plain words, what about this set-up
// is for trying it out only.
func (c Config) announce(log *slog.Logger) {
	log.Info("countersign is listening", "address", c.Listen, "public_url", c.PublicURL, "data", c.DataDir, "version", version())
	if strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		log.Info("the database is embedded SQLite: one process on one machine. For replicas set database_url to PostgreSQL")
	}
	if c.CoreURL != "" {
		log.Info("the core is elsewhere", "core_url", c.CoreURL)
	}
	if c.RedisURL != "" {
		log.Info("budgets are shared by all replicas that use the same Redis")
	}
	if c.TLSCert == "" && strings.HasPrefix(c.PublicURL, "http:") {
		log.Info("plain http: only programs on this machine should reach it. For others set tls_cert and tls_key, or put a proxy with TLS in front and set public_url")
	}
	if c.PortalURL != "" {
		log.Info("customers sign in at the portal", "portal_url", c.PortalURL)
	}
	if c.devProvider() {
		log.Warn("the development sign-in is open to everybody who reaches this machine's own address", "issuer", devidp.Issuer(c.PublicURL, "TENANT-ID"))
	}
	if c.Dev {
		log.Warn("development mode: commits may be lost when the power fails, and plain http is accepted for any name")
	}
}
