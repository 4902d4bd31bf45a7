package e2e

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/tlstest"
	"countersign/registration/rpc"
)

// apart is an installation whose core runs on a machine of its own.
type apart struct {
	*site
	cores, gateways *tlstest.Authority // who vouches for whom
	listen, ops     string             // the core's addresses
	coreDB          string             // the URL of its database
}

// newApart makes an empty installation on PostgreSQL. The gateway's own settings name no
// database of the core.
func newApart(t *testing.T, settings ...string) *apart {
	t.Helper()
	a := &apart{
		site: newSite(t, db.Postgres, settings...), cores: tlstest.NewAuthority(t, "cores"), gateways: tlstest.NewAuthority(t, "gateways"),
		listen: freeAddress(t), ops: freeAddress(t), coreDB: dbtest.URL(t, db.Postgres),
	}
	a.core = ""
	cert, key := a.gateways.Issue("gateway")
	a.settings = append(a.settings, "COUNTERSIGN_CORE_URL=https://"+a.listen, "COUNTERSIGN_CORE_TLS_CERT="+cert,
		"COUNTERSIGN_CORE_TLS_KEY="+key, "COUNTERSIGN_CORE_TLS_CA="+a.cores.File)
	return a
}

// startCore runs a core on a database and waits until it is ready.
func (a *apart) startCore(database string) *replica {
	a.t.Helper()
	cert, key := a.cores.Issue("core")
	r := &replica{t: a.t, url: "http://" + a.ops, log: &lockedBuffer{}, done: make(chan error, 1)}
	r.cmd = exec.Command(filepath.Join(bin, "registrard"), "serve")
	r.cmd.Env = append(os.Environ(), "REGISTRARD_LISTEN="+a.listen, "REGISTRARD_OPS_LISTEN="+a.ops, "REGISTRARD_DATA_DIR="+a.t.TempDir(),
		"COUNTERSIGN_CORE_DATABASE_URL="+database, "REGISTRARD_TLS_CERT="+cert, "REGISTRARD_TLS_KEY="+key, "REGISTRARD_CLIENT_CA="+a.gateways.File)
	r.run("the core")
	return r
}

// line speaks to the core as a gateway would that has these files.
func (a *apart) line(files rpc.Files) *rpc.Client {
	a.t.Helper()
	config, err := rpc.ClientTLS(files)
	if err != nil {
		a.t.Fatal(err)
	}
	line := rpc.NewLine(config)
	a.t.Cleanup(line.CloseIdleConnections)
	return rpc.NewClient("https://"+a.listen, rpc.Options{HTTP: line, Now: func(context.Context) (time.Time, error) { return time.Now(), nil }})
}

// backup copies a database that nobody uses and returns the copy's URL.
func (a *apart) backup(database string) string {
	a.t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		a.t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	server, err := sql.Open("pgx", u.String())
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE IF EXISTS " + name + "_copy WITH (FORCE)"); err != nil {
			a.t.Errorf("drop the copy: %v", err)
		}
		_ = server.Close()
	})
	// The connections of a process that was killed take a moment to go.
	await(a.t, 30*time.Second, "a copy of the core's database", func(ctx context.Context) bool {
		_, err = server.ExecContext(ctx, "CREATE DATABASE "+name+"_copy TEMPLATE "+name)
		return err == nil
	})
	u.Path = "/" + name + "_copy"
	return u.String()
}

// coreNumber asks a database of the core.
func (a *apart) coreNumber(database, query string, args ...any) int {
	a.t.Helper()
	d, err := sql.Open("pgx", database)
	if err != nil {
		a.t.Fatal(err)
	}
	defer d.Close()
	var n int
	if err := d.QueryRowContext(a.t.Context(), query, args...).Scan(&n); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// metric reads a line of /metrics; empty when it is not there.
func metric(ctx context.Context, t *testing.T, r *replica, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// awaitMetric waits until a replica shows a value.
func awaitMetric(t *testing.T, r *replica, name, want string) {
	t.Helper()
	await(t, 60*time.Second, name+" "+want, func(ctx context.Context) bool { return metric(ctx, t, r, name) == want })
}
