package loadgen

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/pause"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// connections are what a client keeps busy; more only wait on two cores.
const connections = 4

// program is the real server in a process of its own, durable, with the limits that would
// end a measurement raised.
type program struct {
	cmd  *exec.Cmd
	url  string
	dir  string
	log  *bytes.Buffer
	env  []string
	conn *pgx.Conn // to the gateway's database; nil on SQLite
}

// startProgram runs the server on a fresh database of its own beside a core's.
func (r *run) startProgram(ctx context.Context, core string, settings ...string) (*program, error) {
	if r.Gateway == "" {
		return nil, errors.New("the program countersignd is needed; make bench builds it")
	}
	s, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("loadgen_program_%d_%d", len(s.made), time.Now().UnixMilli())
	if err := s.create(ctx, name, "template0"); err != nil {
		return nil, err
	}
	p, err := r.serve(ctx, append([]string{"COUNTERSIGN_DATABASE_URL=" + s.urlOf(name), "COUNTERSIGN_CORE_DATABASE_URL=" + core}, settings...)...)
	if err != nil {
		return nil, err
	}
	p.conn, err = pgx.Connect(ctx, s.urlOf(name))
	return p, err
}

// serve runs the server under settings and waits until it is ready.
func (r *run) serve(ctx context.Context, settings ...string) (*program, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	p := &program{url: "http://" + addr, log: &bytes.Buffer{}}
	if p.dir, err = os.MkdirTemp("", "cs"); err != nil {
		return nil, err
	}
	p.env = append(os.Environ(), "COUNTERSIGN_LISTEN="+addr, "COUNTERSIGN_PUBLIC_URL="+p.url, "COUNTERSIGN_DATA_DIR="+p.dir, "COUNTERSIGN_LOG_LEVEL=warn")
	for _, limit := range []string{"DEVICES_PER_HOUR", "TENANT_DEVICES_PER_HOUR", "REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE", "PARTNER_WAITING", "MISSES_PER_HOUR"} {
		p.env = append(p.env, "COUNTERSIGN_"+limit+"=50000000")
	}
	p.env = append(p.env, settings...)
	p.cmd = exec.Command(r.Gateway, "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, p.await(ctx, "/readyz", http.StatusOK)
}

// await waits until a path answers so.
func (p *program) await(ctx context.Context, path string, status int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == status {
				return nil
			}
		}
		if err := pause.For(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the server is not ready: %w\n%s", err, p.log.String())
		}
	}
}

// end stops the server and forgets what it kept outside of its database.
func (p *program) end() {
	if p == nil {
		return
	}
	if p.conn != nil {
		_ = p.conn.Close(context.Background())
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}

// admin runs an operator's command.
func (p *program) admin(ctx context.Context, out any, args ...string) error {
	cmd := exec.CommandContext(ctx, p.cmd.Path, append(append([]string{"admin"}, args...), "--output", "json")...)
	cmd.Env = p.env
	text, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("admin %v: %w: %s", args, err, failed.Stderr)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

type credential struct {
	ID     string `json:"clientId"`
	Secret string `json:"clientSecret"`
}

// as speaks to the server with a credential.
func (p *program) as(c credential) (*client.Client, error) {
	return client.New(client.Config{
		BaseURL: p.url, Credentials: client.Secret(c.ID, c.Secret), Patience: -1,
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * connections, DisableCompression: true}},
	})
}

// sender is a partner's client with a customer that has agreed.
type sender struct {
	*client.Client
	partner, tenant string
}

// party makes a partner with a client.
func (p *program) party(ctx context.Context, name string) (sender, error) {
	var made struct{ ID string }
	var cred credential
	err := p.admin(ctx, &made, "partner", "create", "--kind", "direct_reseller", "--name", name)
	if err == nil {
		err = p.admin(ctx, &cred, "client", "create", "--partner", made.ID, "--name", "line")
	}
	if err != nil {
		return sender{}, err
	}
	c, err := p.as(cred)
	return sender{Client: c, partner: made.ID}, err
}

// agree makes a customer that agrees to a partner.
func (p *program) agree(ctx context.Context, s sender) (sender, error) {
	var made struct{ ID string }
	var cred credential
	err := p.admin(ctx, &made, "tenant", "create", "--name", "Customer of "+s.partner[:8])
	if err == nil {
		err = p.admin(ctx, &cred, "client", "create", "--tenant", made.ID, "--name", "IT", "--can-decide")
	}
	if err != nil {
		return s, err
	}
	customer, err := p.as(cred)
	if err != nil {
		return s, err
	}
	asked, err := s.RequestConsent(ctx, wire.ConsentAsk{Tenant: made.ID, Purpose: "load", Scopes: []string{"devices.register", "devices.remove"}})
	if err != nil {
		return s, err
	}
	_, err = customer.GrantConsent(ctx, asked.ID, wire.ConsentTerms{})
	s.tenant = made.ID
	return s, err
}

// pair is a partner with a customer.
func (p *program) pair(ctx context.Context, name string) (sender, error) {
	s, err := p.party(ctx, name)
	if err != nil {
		return s, err
	}
	return p.agree(ctx, s)
}

// consignment is devices as a client sends them, and as they are stored.
type consignment struct {
	bodies []client.Submission
	rows   []models.CoreRow // all of them, in order
}

// consign makes uploads of new devices.
func (r *run) consign(tenant string, uploads, each int, s shape) consignment {
	var out consignment
	for range uploads {
		rows := r.fresh(each, s)
		out.rows = append(out.rows, rows...)
		out.bodies = append(out.bodies, client.Submission{Tenant: tenant, Body: client.BytesBody(client.JSON, jsonBody(newID(), rows))})
	}
	return out
}

// jsonBody is a batch as Partner Center's clients send it. Hashes have all their 4000
// characters, as they come from a device.
func jsonBody(batch string, rows []models.CoreRow) []byte {
	out := []byte(`{"BatchId":"` + batch + `","Devices":[`)
	raw := make([]byte, hardwarehash.StandardRaw)
	for i, row := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		clear(raw)
		copy(raw, row.Identity.Hash)
		out = append(out, `{"HardwareHash":"`...)
		out = base64.StdEncoding.AppendEncode(out, raw)
		out = append(out, `"}`...)
	}
	return append(out, "]}"...)
}

// sendAll has all uploads accepted, over a few connections at once.
func sendAll(ctx context.Context, s sender, bodies []client.Submission) error {
	return eachOf(bodies, func(one client.Submission) error {
		one.RequestID = client.NewRequestID()
		_, err := s.Submit(ctx, one)
		return err
	})
}

// eachOf does something with each of a list, a few at once.
func eachOf[T any](list []T, do func(T) error) error {
	var g errgroup.Group
	g.SetLimit(connections)
	for _, one := range list {
		g.Go(func() error { return do(one) })
	}
	return g.Wait()
}

// settled waits until nothing is queued, and fails when a row did not end well.
func (p *program) settled(ctx context.Context) error {
	for {
		var open, failed int
		err := p.conn.QueryRow(ctx, "SELECT count(*) FILTER (WHERE state IN ('queued', 'processing')), coalesce(sum(error_rows), 0) FROM uploads").Scan(&open, &failed)
		switch {
		case err != nil:
			return err
		case failed > 0:
			return fmt.Errorf("%d rows ended with an error", failed)
		case open == 0:
			return nil
		}
		if err := pause.For(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// usage reads processor time and memory of a process, see proc(5).
func usage(pid int) (cpu time.Duration, peak, now float64, err error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, i := range []int{11, 12} { // utime and stime, in hundredths
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, 0, 0, err
		}
		cpu += time.Duration(n) * 10 * time.Millisecond
	}
	peak, err = memoryOf(pid, "VmHWM:")
	if err != nil {
		return cpu, 0, 0, err
	}
	now, err = memoryOf(pid, "VmRSS:")
	return cpu, peak, now, err
}
