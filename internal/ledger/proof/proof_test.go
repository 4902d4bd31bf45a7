package proof_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"countersign/authz"
	"countersign/internal/ledger/proof"
)

// server signs as a server does.
type server struct {
	ledger, receipts         *authz.Keys
	openLedger, openReceipts proof.Open
}

func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{}
	var err error
	if s.ledger, err = authz.LoadKeysFor(dir, authz.PurposeLedger, time.Now); err != nil {
		t.Fatal(err)
	}
	if s.receipts, err = authz.LoadKeysFor(dir, authz.PurposeReceipt, time.Now); err != nil {
		t.Fatal(err)
	}
	docs, err := authz.ReadDocuments(authz.JWKSOf(s.ledger, s.receipts))
	if err != nil {
		t.Fatal(err)
	}
	s.openLedger = func(raw string) ([]byte, error) { return docs.Open(authz.PurposeLedger, proof.CheckpointType, raw) }
	s.openReceipts = func(raw string) ([]byte, error) { return docs.Open(authz.PurposeReceipt, proof.ReceiptType, raw) }
	return s
}

const chain = "partner/0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10"

// entries makes a chain; those whose number is in signed get a checkpoint.
func (s *server) entries(t *testing.T, n int, reason string, signed ...int) []proof.Entry {
	t.Helper()
	var out []proof.Entry
	var hash []byte
	for i := 1; i <= n; i++ {
		line := proof.Line{
			V: proof.LineFormat, Chain: chain, Seq: int64(i), ID: fmt.Sprint("e-", i), Kind: "consent.suspended", Subject: "grant", SubjectID: "g-1",
			Actor: "customer", At: proof.Instant(time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)),
			Body: jsontext.Value(fmt.Sprintf(`{"reason":%q,"to":"suspended"}`, reason)),
		}
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		value := jsontext.Value(text)
		if err := value.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		hash = proof.Next(hash, value)
		e := proof.Entry{Entry: value, Hash: hex.EncodeToString(hash)}
		for _, at := range signed {
			if at == i {
				e.Checkpoint = s.checkpoint(t, int64(i), e.Hash)
			}
		}
		out = append(out, e)
	}
	return out
}

func (s *server) checkpoint(t *testing.T, seq int64, hash string) string {
	t.Helper()
	raw, err := s.ledger.Sign(proof.CheckpointType, proof.Checkpoint{Issuer: "https://gw.example", IssuedAt: 1, Chain: chain, Seq: seq, Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *server) export(t *testing.T, entries []proof.Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := proof.NewWriter(&out, chain, s.openLedger)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// faultOf reads a history that must not be accepted.
func (s *server) faultOf(t *testing.T, text []byte) *proof.Fault {
	t.Helper()
	_, err := proof.ReadHistory(bytes.NewReader(text), s.openLedger)
	var fault *proof.Fault
	if err != nil && !errors.As(err, &fault) {
		t.Fatalf("%v is no fault", err)
	}
	return fault
}

// Whatever single byte of an exported history is changed, to whatever, is seen, and the
// line and the entry are named.
func TestEveryByteOfAHistoryCounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	text := s.export(t, s.entries(t, 4, "Füße <b>&amp;", 2, 4))
	if h, err := proof.ReadHistory(bytes.NewReader(text), s.openLedger); err != nil || len(h.Entries) != 4 || h.Lines[3].Seq != 4 {
		t.Fatalf("the history itself: %v", err)
	}
	at := 1
	for i, old := range text {
		for _, flip := range []byte{1, 0x20, old ^ 0x22} {
			if flip == 0 {
				continue
			}
			changed := bytes.Clone(text)
			changed[i] ^= flip
			fault := s.faultOf(t, changed)
			if fault == nil {
				t.Fatalf("byte %d in line %d can be %q instead of %q", i, at, changed[i], old)
			}
			// The name of the chain stands in the first line and in each entry; that the first
			// differs from the others is seen at the first entry.
			chainName := at == 1 && fault.Line == 2 && strings.Contains(fault.Cause, "the chain")
			if !chainName && (fault.Line != at || at > 1 && fault.Seq != int64(at-1)) {
				t.Fatalf("byte %d in line %d changed to %q: found as %v", i, at, changed[i], fault)
			}
		}
		if old == '\n' {
			at++
		}
	}
}

// The same for bytes that are put in or taken out, anywhere.
func TestNoByteOfAHistoryCanBeAddedOrLost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	text := s.export(t, s.entries(t, 5, "x", 1, 5))
	rapid.Check(t, func(r *rapid.T) {
		i := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		n := rapid.IntRange(0, 40).Draw(r, "lost")
		put := rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(r, "put")
		changed := append(append(bytes.Clone(text[:i]), put...), text[min(len(text), i+n):]...)
		if bytes.Equal(changed, text) {
			return
		}
		if s.faultOf(t, changed) == nil {
			r.Fatalf("accepted with %d bytes lost and %q put in at %d", n, put, i)
		}
	})
}

// Who changes entries and repairs every hash after them still cannot sign. Each attack is
// found by a reader that knows nothing but the server's public key.
func TestARepairedHistoryIsFound(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	good := s.entries(t, 9, "holiday", 3, 6, 9)
	forged := s.entries(t, 9, "forged") // the same chain with other words and right hashes
	write := func(entries []proof.Entry) []byte {
		lines := []string{`{"chain":"` + chain + `","format":"countersign-history","v":1}`}
		for _, e := range entries {
			text := `{`
			if e.Checkpoint != "" {
				text += `"checkpoint":"` + e.Checkpoint + `",`
			}
			lines = append(lines, text+`"entry":`+string(e.Entry)+`,"hash":"`+e.Hash+`"}`)
		}
		return []byte(strings.Join(lines, "\n") + "\n")
	}
	withCheckpoints := func(entries []proof.Entry) []proof.Entry {
		out := append([]proof.Entry{}, entries...)
		for i := range out {
			out[i].Checkpoint = good[i].Checkpoint
		}
		return out
	}
	if s.faultOf(t, write(good)) != nil {
		t.Fatal("the good one is not accepted")
	}
	swapped := append([]proof.Entry{}, good...)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for name, c := range map[string]struct {
		entries []proof.Entry
		at      int64
	}{
		"rewritten and rehashed":  {withCheckpoints(forged), 3},
		"end exchanged":           {append(append([]proof.Entry{}, good[:6]...), withCheckpoints(forged)[6:]...), 7},
		"one left out":            {append(append([]proof.Entry{}, good[:4]...), good[5:]...), 5},
		"one doubled":             {append(append([]proof.Entry{}, good[:5]...), good[4:]...), 6},
		"two exchanged":           {swapped, 4},
		"cut off after an entry":  {good[:8], 8},
		"signature taken out":     {append(append([]proof.Entry{}, good[:8]...), proof.Entry{Entry: good[8].Entry, Hash: good[8].Hash}), 9},
		"signature of another":    {append(append([]proof.Entry{}, good[:8]...), proof.Entry{Entry: good[8].Entry, Hash: good[8].Hash, Checkpoint: good[5].Checkpoint}), 9},
		"the beginning taken off": {good[1:], 1},
	} {
		fault := s.faultOf(t, write(c.entries))
		if fault == nil || fault.Seq != c.at {
			t.Errorf("%s: %v, want it found at entry %d", name, fault, c.at)
		}
	}
}

func (s *server) receipt(t *testing.T, entries []proof.Entry, seq int, change func(*proof.Receipt)) string {
	t.Helper()
	before := strings.Repeat("0", 64)
	if seq > 1 {
		before = entries[seq-2].Hash
	}
	e := entries[seq-1]
	limit := int64(500)
	r := proof.Receipt{
		Issuer: "https://gw.example", IssuedAt: 7, SchemaVersion: proof.SchemaVersion, ReceiptID: fmt.Sprint("e-", seq), RecordID: "g-1",
		Event:  proof.Event{Type: "consent.suspended", State: "suspended", Time: time.Date(2026, 3, 1, 12, 0, seq, 0, time.UTC), By: "customer"},
		Terms:  proof.Terms{Scopes: []string{"devices.register"}, DeviceLimit: &limit},
		Ledger: proof.Proof{Chain: chain, Seq: int64(seq), Before: before, Entry: e.Entry, Hash: e.Hash, Checkpoint: e.Checkpoint},
	}
	if change != nil {
		change(&r)
	}
	raw, err := s.receipts.Sign(proof.ReceiptType, r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Whatever single byte of a receipt is changed is seen.
func TestEveryByteOfAReceiptCounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	raw := s.receipt(t, s.entries(t, 3, "holiday", 1, 2, 3), 2, nil)
	if r, err := proof.ReadReceipt(raw+"\n", s.openReceipts, s.openLedger); err != nil || r.Ledger.Seq != 2 {
		t.Fatalf("the receipt itself: %v", err)
	}
	for i := range len(raw) {
		for _, flip := range []byte{1, 0x20} {
			changed := []byte(raw)
			changed[i] ^= flip
			if _, err := proof.ReadReceipt(string(changed), s.openReceipts, s.openLedger); err == nil {
				t.Fatalf("byte %d can be %q instead of %q", i, changed[i], raw[i])
			}
		}
	}
}

// Even a server cannot sign a receipt that contradicts the ledger's entry without the
// reader seeing it, and a receipt shows that another history was made up.
func TestAReceiptAgreesWithItsEntryAndItsHistory(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	entries := s.entries(t, 4, "holiday", 1, 2, 3, 4)
	other := s.entries(t, 4, "forged", 1, 2, 3, 4)
	for name, change := range map[string]func(*proof.Receipt){
		"another state of the ledger": func(r *proof.Receipt) { r.Ledger.Hash = other[1].Hash },
		"another entry":               func(r *proof.Receipt) { r.Ledger.Entry = other[1].Entry },
		"another beginning":           func(r *proof.Receipt) { r.Ledger.Before = other[0].Hash },
		"another checkpoint":          func(r *proof.Receipt) { r.Ledger.Checkpoint = entries[2].Checkpoint },
		"another number":              func(r *proof.Receipt) { r.Ledger.Seq = 3 },
		"another grant":               func(r *proof.Receipt) { r.RecordID = "g-2" },
		"another change":              func(r *proof.Receipt) { r.Event.Type = "consent.resumed" },
		"another time":                func(r *proof.Receipt) { r.Event.Time = r.Event.Time.Add(time.Second) },
		"another actor":               func(r *proof.Receipt) { r.Event.By = "operator" },
		"a newer kind":                func(r *proof.Receipt) { r.SchemaVersion = "2" },
	} {
		if _, err := proof.ReadReceipt(s.receipt(t, entries, 2, change), s.openReceipts, s.openLedger); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	receipt, err := proof.ReadReceipt(s.receipt(t, entries, 3, nil), s.openReceipts, s.openLedger)
	if err != nil {
		t.Fatal(err)
	}
	check := func(entries []proof.Entry) error {
		h, err := proof.ReadHistory(bytes.NewReader(s.export(t, entries)), s.openLedger)
		if err != nil {
			t.Fatal(err)
		}
		return h.Check(receipt)
	}
	if err := check(entries); err != nil {
		t.Errorf("its own history: %v", err)
	}
	var fault *proof.Fault
	if err := check(entries[:2]); !errors.As(err, &fault) || fault.Seq != 3 {
		t.Errorf("a history that was cut off: %v", err)
	}
	if err := check(other); !errors.As(err, &fault) || fault.Seq != 3 {
		t.Errorf("a second history of the same chain: %v", err)
	}
}
