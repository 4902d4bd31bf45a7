package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/ledger/proof"
	"countersign/models"
	"countersign/models/migrations"
)

// plain signs nothing: it shows what would be signed.
type plain struct{}

func (plain) Sign(typ string, claims any) (string, error) {
	text, err := json.Marshal(claims)
	return typ + " " + string(text), err
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type world struct {
	*Reader
	d     *db.DB
	clock *clock
}

func both(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			w := &world{clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
			w.d = dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(w.clock.Now))
			w.Reader = NewReader(w.d)
			fn(t, w)
		})
	}
}

func (w *world) sequencer(t *testing.T, holder string) *Sequencer {
	t.Helper()
	s, err := NewSequencer(Deps{DB: w.d, Signer: plain{}, Issuer: "https://gw.example", Holder: holder})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add writes entries in one transaction.
func (w *world) add(t *testing.T, entries ...Entry) {
	t.Helper()
	err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, e := range entries {
			if err := AddTx(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func (w *world) step(t *testing.T, s *Sequencer, want int) {
	t.Helper()
	n, err := s.Step(t.Context())
	if err != nil || n != want {
		t.Fatalf("step took %d entries, want %d: %v", n, want, err)
	}
}

// read returns a chain after checking it with code of its own: numbers from 1 without
// a hole, each hash over the one before and the line, each line canonical.
func (w *world) read(t *testing.T, chain string) []proof.Line {
	t.Helper()
	found, err := w.Page(t.Context(), chain, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	before := make([]byte, 32)
	lines := make([]proof.Line, len(found))
	for i, item := range found {
		sum := sha256.Sum256(append(append([]byte{}, before...), item.Line...))
		if item.Seq != int64(i+1) || string(item.Hash) != string(sum[:]) {
			t.Fatalf("%s: entry %d has number %d and hash %x, want %x", chain, i+1, item.Seq, item.Hash, sum)
		}
		before = sum[:]
		var members map[string]any
		if err := json.Unmarshal(item.Line, &members); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(members); string(again) != string(item.Line) { // the v1 encoder sorts members
			t.Errorf("%s: entry %d is not canonical: %s", chain, i+1, item.Line)
		}
		if err := json.Unmarshal(item.Line, &lines[i]); err != nil {
			t.Fatal(err)
		}
		if lines[i].Seq != item.Seq || lines[i].Chain != chain {
			t.Errorf("%s: entry %d says it is %d of %s", chain, i+1, lines[i].Seq, lines[i].Chain)
		}
	}
	return lines
}

func TestEachPartyHasAChainWithoutHoles(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		s := w.sequencer(t, "a")
		var all []Entry
		for i := range 2 * batchSize {
			e := sample()
			e.SubjectID = fmt.Sprint("g-", i)
			switch i % 4 {
			case 1:
				e.PartnerID = "p-2"
			case 2:
				e.TenantID = ""
			case 3:
				e.PartnerID, e.TenantID = "", ""
			}
			all = append(all, e)
		}
		w.add(t, all...)
		w.step(t, s, batchSize)
		w.step(t, s, batchSize)
		w.step(t, s, 0)
		quarter := len(all) / 4
		for chain, want := range map[string]int{
			Everything: len(all), "partner/p-1": 2 * quarter, "partner/p-2": quarter, "tenant/t-1": 2 * quarter, "partner/p-3": 0,
		} {
			if got := len(w.read(t, chain)); got != want {
				t.Errorf("%s has %d entries, want %d", chain, got, want)
			}
		}
		w.checkPlaces(t)
		w.checkCheckpoints(t)
	})
}

// checkPlaces holds the chain of everything to what it says about the parties'.
func (w *world) checkPlaces(t *testing.T) {
	t.Helper()
	for i, line := range w.read(t, Everything) {
		if line.SubjectID != fmt.Sprint("g-", i) {
			t.Fatalf("entry %d is about %s: the order was lost", i+1, line.SubjectID)
		}
		for _, place := range line.Parties {
			there, err := w.Page(t.Context(), place.Chain, place.Seq-1, 1)
			if err != nil || len(there) != 1 || hex.EncodeToString(there[0].Hash) != place.Hash || !strings.Contains(string(there[0].Line), line.ID) {
				t.Errorf("entry %d says %+v; there is %+v, %v", i+1, place, there, err)
			}
		}
	}
}

// checkCheckpoints looks for a signature at every end and at every entry that can
// have a receipt.
func (w *world) checkCheckpoints(t *testing.T) {
	t.Helper()
	for _, chain := range []string{Everything, "partner/p-1", "tenant/t-1"} {
		found, err := w.Page(t.Context(), chain, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i, item := range found {
			if item.Checkpoint == "" {
				if chain != Everything || i == len(found)-1 {
					t.Errorf("%s: entry %d has no checkpoint", chain, item.Seq)
				}
				continue
			}
			text, ok := strings.CutPrefix(item.Checkpoint, proof.CheckpointType+" ")
			var c proof.Checkpoint
			if err := json.Unmarshal([]byte(text), &c); err != nil || !ok {
				t.Fatal(err)
			}
			want := proof.Checkpoint{Issuer: "https://gw.example", IssuedAt: w.clock.Now().Unix(), Chain: chain, Seq: item.Seq, Hash: hex.EncodeToString(item.Hash)}
			if c != want {
				t.Errorf("checkpoint %+v, want %+v", c, want)
			}
		}
	}
}

// Each side's chain leaves out what is the other's: ids of people, clients and
// requests, and which tenant a request's reference names.
func TestAChainShowsWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	body := map[string]any{
		"to": "active", "forTenant": map[string]string{"name": "Anna Example"}, "forPartner": map[string]string{"line": "seven"},
	}
	request := sample()
	request.Subject, request.Kind, request.Actor, request.ActorID = OfRequest, ConsentRequested, models.ActorPartner, "p-client"
	grant := sample()
	grant.Body = body
	both(t, func(t *testing.T, w *world) {
		w.add(t, request, grant)
		w.step(t, w.sequencer(t, "a"), 2)
		type seen struct{ actor, http, tenant, body string }
		for chain, want := range map[string][2]seen{
			Everything: {
				{"p-client", "http-1", "t-1", `{}`},
				{"anna", "http-1", "t-1", `{"forPartner":{"line":"seven"},"forTenant":{"name":"Anna Example"},"to":"active"}`},
			},
			"partner/p-1": {{"p-client", "http-1", "", `{}`}, {"", "", "t-1", `{"forPartner":{"line":"seven"},"to":"active"}`}},
			"tenant/t-1":  {{"", "", "t-1", `{}`}, {"anna", "http-1", "t-1", `{"forTenant":{"name":"Anna Example"},"to":"active"}`}},
		} {
			for i, line := range w.read(t, chain) {
				if got := (seen{line.ActorID, line.RequestID, line.TenantID, string(line.Body)}); got != want[i] {
					t.Errorf("%s, entry %d: %+v\nwant %+v", chain, i+1, got, want[i])
				}
			}
		}
	})
}

// A holder that slept while another took over writes nothing when it wakes: its
// number is gone.
func TestAFormerHolderCannotWrite(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		a, b := w.sequencer(t, "a"), w.sequencer(t, "b")
		w.add(t, sample())
		w.step(t, a, 1)
		w.add(t, sample())
		w.step(t, b, 0) // the lease is a's
		w.clock.add(leaseFor)
		w.step(t, b, 1)
		w.add(t, sample())
		w.step(t, a, 0) // a still believes that it holds the lease
		if a.lease != 0 {
			t.Error("a goes on believing it")
		}
		w.step(t, a, 0)
		w.step(t, b, 1)
		if got := len(w.read(t, "partner/p-1")); got != 3 {
			t.Errorf("%d entries, want 3", got)
		}
	})
}

// Whatever order transactions commit in, and however many sequencers run, each entry
// gets one place and no number is left out.
func TestConcurrentWritersAndSequencers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		const writers, each = 20, 15
		ctx, stop := context.WithCancel(t.Context())
		var sequencers, work sync.WaitGroup
		for _, holder := range []string{"a", "b", "c"} {
			s := w.sequencer(t, holder)
			sequencers.Go(func() { s.Run(ctx) })
		}
		for i := range writers {
			work.Go(func() {
				for j := range each {
					e := sample()
					e.SubjectID, e.PartnerID = fmt.Sprint(i, "-", j), models.PartnerID(fmt.Sprint("p-", i%3))
					w.add(t, e)
					if j == each/2 {
						w.clock.add(leaseFor) // somebody else's turn
					}
				}
			})
		}
		work.Wait()
		if err := w.Await(t.Context(), Everything, writers*each-1); err != nil {
			t.Fatal(err)
		}
		stop()
		sequencers.Wait()
		seen := map[string]bool{}
		last := map[string]int{}
		for _, line := range w.read(t, Everything) {
			var i, j int
			if _, err := fmt.Sscanf(line.SubjectID, "%d-%d", &i, &j); err != nil {
				t.Fatal(err)
			}
			if writer := fmt.Sprint(i); last[writer] > j {
				t.Errorf("writer %d: %d came after %d", i, j, last[writer])
			} else {
				last[writer] = j
			}
			seen[line.SubjectID] = true
		}
		if len(seen) != writers*each {
			t.Errorf("%d entries, want %d", len(seen), writers*each)
		}
		n := 0
		for i := range 3 {
			n += len(w.read(t, fmt.Sprint("partner/p-", i)))
		}
		if n != writers*each {
			t.Errorf("%d entries in the partners' chains, want %d", n, writers*each)
		}
	})
}

// What has a place is never changed, and the lag is that of what has none.
func TestChainsAreFinalAndTheLagIsTold(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.add(t, sample())
		w.clock.add(2 * time.Second)
		if lag, err := w.Lag(t.Context()); err != nil || lag != 2*time.Second {
			t.Errorf("lag %v, %v; want 2s", lag, err)
		}
		w.step(t, w.sequencer(t, "a"), 1)
		if lag, err := w.Lag(t.Context()); err != nil || lag != 0 {
			t.Errorf("lag %v, %v; want none", lag, err)
		}
		for _, statement := range []string{
			`UPDATE ledger_links SET line = '{}'`, `DELETE FROM ledger_links`,
			`UPDATE ledger_checkpoints SET jws = ''`, `DELETE FROM ledger_checkpoints`,
		} {
			if err := w.d.Write().WithContext(t.Context()).Exec(statement).Error; err == nil {
				t.Errorf("%s was accepted", statement)
			}
		}
	})
}
