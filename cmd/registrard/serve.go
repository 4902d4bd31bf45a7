package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"countersign/internal/db"
	"countersign/internal/settings"
	"countersign/registration"
	"countersign/registration/rpc"
)

const (
	// drainTime is how long calls in progress get after a signal: longer than a gateway
	// waits for one.
	drainTime = 25 * time.Second
	// maxConns bounds the PostgreSQL connections of a process.
	maxConns = 40
)

func serveCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the core", Args: cobra.NoArgs,
		Long: `Run the core. With nothing set it uses embedded SQLite in ./registrard-data and listens on
127.0.0.1:9443 without TLS. It ends gracefully on the first signal and at once on the second.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			log, err := settings.Log{Format: c.LogFormat, Level: c.LogLevel}.Open(env.stderr)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, log)
		},
	}
}

// serve runs the core until ctx ends: stop listening, finish calls, close.
func serve(ctx context.Context, c Config, log *slog.Logger) error {
	d, err := c.openDatabase(ctx, log)
	if err != nil {
		return err
	}
	return errors.Join(serveOn(ctx, c, d, log), d.Close())
}

// openDatabase opens the core's database and brings its tables up to date.
func (c Config) openDatabase(ctx context.Context, log *slog.Logger) (*db.DB, error) {
	if err := c.prepareDataDir(); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{URL: c.DatabaseURL, Schema: c.schema(), Relaxed: c.Dev, MaxConns: maxConns, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("the core's database: %w", err)
	}
	if err := registration.Prepare(ctx, d); err != nil {
		return nil, errors.Join(fmt.Errorf("the core's database: %w", err), d.Close())
	}
	return d, nil
}

// tendEvery is how often what is over for long is deleted.
const tendEvery = time.Hour

// tend trims the core, at once and then from time to time.
func tend(ctx context.Context, core *registration.Registrar, log *slog.Logger) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		if err := core.Trim(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "maintenance", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func serveOn(ctx context.Context, c Config, d *db.DB, log *slog.Logger) error {
	core := registration.New(d, func() string { return uuid.Must(uuid.NewV7()).String() }, log)
	m := newMetrics()
	path, handler := rpc.NewHandler(core, log)
	mux := http.NewServeMux()
	mux.Handle(path, m.count(handler))
	var draining atomic.Bool
	work, err := c.listen(mux, log)
	if err != nil {
		return err
	}
	servers := []listening{work}
	if c.OpsListen != "" {
		ops, err := c.listenForOperators(d, m, &draining, log)
		if err != nil {
			return errors.Join(err, work.listener.Close())
		}
		servers = append(servers, ops)
	}
	tending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { tend(tending, core, log) })
	defer background.Wait()
	defer stop()
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- s.serve() }()
	}
	c.announce(log)
	select {
	case err = <-failed:
	case <-ctx.Done():
		draining.Store(true)
		log.InfoContext(ctx, "stopping: finishing calls")
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, s := range servers { // those for operators last: they tell what goes on
		err = errors.Join(err, s.server.Shutdown(drain))
	}
	return err
}

// listening is a server with its listener.
type listening struct {
	server   *http.Server
	listener net.Listener
}

func (l listening) serve() error {
	serve := l.server.Serve
	if l.server.TLSConfig != nil {
		serve = func(on net.Listener) error { return l.server.ServeTLS(on, "", "") }
	}
	if err := serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// listen opens the address for gateways. HTTP/2 carries many calls on one connection;
// without TLS it is spoken too, for clients of gRPC on this machine.
func (c Config) listen(handler http.Handler, log *slog.Logger) (listening, error) {
	srv := newServer(handler, log)
	srv.Protocols = &http.Protocols{}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	srv.Protocols.SetUnencryptedHTTP2(c.TLSCert == "")
	var err error
	if srv.TLSConfig, err = c.tls(); err != nil {
		return listening{}, err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return listening{}, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	return listening{srv, l}, nil
}

// tls is nil for plain http.
func (c Config) tls() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	return rpc.ServerTLS(rpc.Files{Cert: c.TLSCert, Key: c.TLSKey, CA: c.ClientCA})
}

// announce says where the core is and what about this set-up is for trying it out only.
func (c Config) announce(log *slog.Logger) {
	log.Info("registrard is listening", "address", c.Listen, "operators", c.OpsListen, "version", version())
	if c.schema() == "" {
		log.Info("the database is embedded SQLite: one process on one machine")
	}
	if c.ClientCA == "" {
		log.Info("no client certificates are asked for: only programs on this machine can reach it")
	}
	if c.Dev {
		log.Warn("development mode: commits may be lost when the power fails")
	}
}
