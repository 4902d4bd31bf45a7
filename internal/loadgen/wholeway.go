package loadgen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/gateway/client"
	"countersign/models"
)

// emptyCore makes a database with the core's tables and returns its URL.
func (r *run) emptyCore(ctx context.Context) (string, error) {
	s, err := r.start(ctx)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("loadgen_empty_%d_%d", len(s.made), time.Now().UnixMilli())
	if err := s.create(ctx, name, "template0"); err != nil {
		return "", err
	}
	c, err := openCore(ctx, s.urlOf(name))
	if err != nil {
		return "", err
	}
	return c.url, c.release(ctx)
}

// wholeWay is P2: the rate from the first byte to the last registration, everything on,
// against a COPY of the same devices, over an empty core and over the large one.
func (r *run) wholeWay(ctx context.Context) (Figure, error) {
	empty, err := r.emptyCore(ctx)
	if err != nil {
		return Figure{}, err
	}
	large, err := r.store(ctx, r.Devices)
	if err != nil {
		return Figure{}, err
	}
	ref, err := r.plainTable(ctx)
	if err != nil {
		return Figure{}, err
	}
	defer ref.close()
	out := Figure{Of: fmt.Sprintf("registered/COPY: core empty, with %s", count(r.Devices)), Goal: "≥ 0.60 and ≥ 0.45"}
	for _, core := range []struct{ name, url string }{{"an empty core", empty}, {"a core with " + count(r.Devices), large.url}} {
		registered, copied, err := r.throughCore(ctx, core.url, ref)
		if err != nil {
			return Figure{}, err
		}
		each := ratios(copied, registered)
		out.Values = append(out.Values, median(each))
		out.Detail = append(out.Detail, fmt.Sprintf("With %s %.0f devices a second were registered. Rounds: %s.",
			core.name, float64(consignments*models.DispatchRows)/median(registered).Seconds(), spread(each)))
	}
	return out, nil
}

// throughCore measures both sides round by round over one core.
func (r *run) throughCore(ctx context.Context, core string, ref *plain) (registered, copied []time.Duration, err error) {
	p, err := r.startProgram(ctx, core)
	defer p.end()
	if err != nil {
		return nil, nil, err
	}
	to, err := p.pair(ctx, "Whole way")
	if err != nil {
		return nil, nil, err
	}
	for round := range r.Rounds + 1 {
		c := r.consign(to.tenant, consignments, models.DispatchRows, padded)
		if err := ref.load(ctx, to.tenant, c.rows); err != nil {
			return nil, nil, err
		}
		b, err := ref.copy(ctx)
		if err != nil {
			return nil, nil, err
		}
		if _, err := p.conn.Exec(ctx, "CHECKPOINT"); err != nil {
			return nil, nil, err
		}
		a, err := timed(func() error {
			if err := sendAll(ctx, to, c.bodies); err != nil {
				return err
			}
			return p.settled(ctx)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%w\n%s", err, p.log.String())
		}
		if round > 0 {
			registered, copied = append(registered, a), append(copied, b)
		}
	}
	return registered, copied, nil
}

// side is one of two servers that do the same.
type side struct {
	took []time.Duration
	cpu  []time.Duration
}

// idiomatic is P3: the whole way against the gateway as it is usually written, over the
// same databases and in turns.
func (r *run) idiomatic(ctx context.Context) (Figure, error) {
	ours, err := r.emptyCore(ctx)
	if err != nil {
		return Figure{}, err
	}
	p, err := r.startProgram(ctx, ours)
	defer p.end()
	if err != nil {
		return Figure{}, err
	}
	to, err := p.pair(ctx, "Ours")
	if err != nil {
		return Figure{}, err
	}
	b, err := r.startBaseline(ctx)
	defer b.end()
	if err != nil {
		return Figure{}, err
	}
	var us, them side
	for round := range r.Rounds + 1 {
		for _, turn := range []struct {
			into *side
			pid  int
			run  func() error
		}{
			{&us, p.cmd.Process.Pid, r.oneWay(ctx, p, to)},
			{&them, b.cmd.Process.Pid, b.oneWay(ctx, r)},
		} {
			if _, err := p.conn.Exec(ctx, "CHECKPOINT"); err != nil {
				return Figure{}, err
			}
			before, _, _, err := usage(turn.pid)
			if err != nil {
				return Figure{}, err
			}
			took, err := timed(turn.run)
			if err != nil {
				return Figure{}, fmt.Errorf("%w\n%s", err, p.log.String())
			}
			after, _, _, err := usage(turn.pid)
			if err != nil {
				return Figure{}, err
			}
			if round > 0 {
				turn.into.took, turn.into.cpu = append(turn.into.took, took), append(turn.into.cpu, after-before)
			}
		}
	}
	rate, cpu := ratios(them.took, us.took), ratios(us.cpu, them.cpu)
	n := float64(consignments * models.DispatchRows)
	return Figure{
		Values: []float64{median(rate), median(cpu)}, Of: "ours/idiomatic: registered a second, processor time of a device", Goal: "≥ 6 and ≤ 0.125",
		Detail: []string{fmt.Sprintf("%.0f devices a second and %.0f µs of the server's processor a device against %.0f and %.0f µs. Rounds: %s; %s.",
			n/median(us.took).Seconds(), median(us.cpu).Seconds()/n*1e6, n/median(them.took).Seconds(), median(them.cpu).Seconds()/n*1e6, spread(rate), spread(cpu))},
	}, nil
}

// oneWay prepares uploads and returns what has them registered.
func (r *run) oneWay(ctx context.Context, p *program, to sender) func() error {
	c := r.consign(to.tenant, consignments, models.DispatchRows, padded)
	return func() error {
		if err := sendAll(ctx, to, c.bodies); err != nil {
			return err
		}
		return p.settled(ctx)
	}
}

// rival is the baseline in a process of its own.
type rival struct {
	*program
	tenant string
}

// startBaseline runs the baseline over databases with the same tables and one agreement.
func (r *run) startBaseline(ctx context.Context) (*rival, error) {
	s, err := r.site(ctx)
	if err != nil {
		return &rival{}, err
	}
	defer s.close()
	if err := s.people(ctx, 1); err != nil {
		return &rival{}, err
	}
	made := r.server.made
	gateway, core := r.server.urlOf(made[len(made)-2]), r.server.urlOf(made[len(made)-1])
	p, err := r.otherProgram(ctx, "baseline", gateway, core, strconv.Itoa(workers))
	if err != nil {
		return &rival{}, err
	}
	p.conn, err = pgx.Connect(ctx, gateway)
	return &rival{p, string(tenantOf(0))}, err
}

// otherProgram runs this program as another server, which prints its address.
func (r *run) otherProgram(ctx context.Context, args ...string) (*program, error) {
	p := &program{cmd: exec.CommandContext(ctx, r.Other[0], append(r.Other[1:], args...)...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return p, fmt.Errorf("%v did not say where it listens: %w", args, err)
	}
	p.url = "http://" + strings.TrimSpace(line)
	return p, nil
}

func (b *rival) end() {
	if b.program != nil {
		b.program.end()
	}
}

// oneWay prepares uploads and returns what has the baseline register them.
func (b *rival) oneWay(ctx context.Context, r *run) func() error {
	c := r.consign(b.tenant, consignments, models.DispatchRows, padded)
	return func() error {
		if err := b.sendAll(ctx, c.bodies); err != nil {
			return err
		}
		return b.settled(ctx)
	}
}

// sendAll posts bodies as plainly as it goes.
func (b *rival) sendAll(ctx context.Context, bodies []client.Submission) error {
	return eachOf(bodies, func(s client.Submission) error {
		body, err := s.Body.Open()
		if err != nil {
			return err
		}
		return post(ctx, http.DefaultClient, b.url+"/v1/customers/"+b.tenant+"/deviceBatches", "", body, s.Body.Size)
	})
}

// post sends a JSON body and insists on a 202.
func post(ctx context.Context, c *http.Client, url, token string, body io.Reader, size int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %d %s", url, resp.StatusCode, text)
	}
	return err
}
