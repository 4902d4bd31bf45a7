//go:build !windows

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// A file that is sent in parts goes on where it broke off: the replica that took it is
// killed in the middle, and another one takes the rest. It becomes one upload.
func TestResume_overAKilledReplica(t *testing.T) {
	t.Parallel()
	const rows = 700
	s := newSite(t, db.Postgres, "COUNTERSIGN_LOG_LEVEL=error")
	r := s.start()
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	var csv strings.Builder
	csv.WriteString("Hardware Hash\n")
	for range rows {
		csv.WriteString(p.devices.Next().Hash() + "\n")
	}
	text := csv.String()
	cl, err := client.New(client.Config{BaseURL: r.url, Credentials: client.Secret(p.reseller.ID, p.reseller.Secret), Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	middle, again, opened := make(chan struct{}), make(chan struct{}), 0
	body := client.BytesBody("text/csv", []byte(text))
	whole := body.Open
	body.Open = func() (io.ReadCloser, error) {
		opened++
		plain, err := whole()
		if opened > 1 {
			return plain, err
		}
		return io.NopCloser(io.MultiReader(io.LimitReader(plain, 2<<20), &closer{middle, again}, plain)), err
	}
	id, err := cl.CreateFile(t.Context(), client.Submission{Tenant: p.tenant, Batch: "in parts", Body: body, RequestID: client.NewRequestID()})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(again)
		<-middle
		await(t, 30*time.Second, "some of the file to be there", func(ctx context.Context) bool {
			f, err := cl.File(ctx, id)
			return err == nil && f.Received >= 1<<20
		})
		r.kill()
		r = s.startAt(r)
	}()
	receipt, err := cl.SendFile(t.Context(), id, body, nil)
	<-again
	if err != nil || opened < 2 {
		t.Fatalf("opened %d times: %v", opened, err)
	}
	status := p.outcome(p.as(r, p.reseller), p.tenant, receipt.TrackingID, 90*time.Second)
	if status.Status != "finished" || len(status.DevicesStatus) != rows {
		t.Errorf("%s with %d rows", status.Status, len(status.DevicesStatus))
	}
	if n := s.number("SELECT count(*) FROM uploads"); n != 1 {
		t.Errorf("%d uploads", n)
	}
	if n := s.number("SELECT count(*) FROM file_parts"); n != 0 {
		t.Errorf("%d parts of it are still there", n)
	}
	if f, err := cl.File(t.Context(), id); err != nil || f.TrackingID != receipt.TrackingID {
		t.Errorf("the file afterwards: %+v, %v", f, err)
	}
}

// closer tells that a reader came to it, and holds it until the connection is dead.
type closer struct {
	came chan<- struct{}
	dead <-chan struct{}
}

func (c *closer) Read([]byte) (int, error) {
	close(c.came)
	<-c.dead
	return 0, io.EOF
}

// The command line sends a file in parts, and refuses what cannot be.
func TestResume_commandLine(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		me := p.commandLine(r, p.reseller)
		path := filepath.Join(t.TempDir(), "parts.csv")
		text := fmt.Sprintf("Hardware Hash\n%s\n%s\n", p.devices.Next().Hash(), p.devices.Next().Hash())
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := me.run(0, "submit", path, "--tenant", p.tenant, "--resumable")
		if !strings.Contains(out, "registered to the customer") {
			t.Error(out)
		}
		if out := me.run(0, "submit", path, "--tenant", p.tenant, "--resumable"); !strings.Contains(out, "finished") {
			t.Error(out)
		}
	})
}
