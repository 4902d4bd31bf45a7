package authz

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A document is accepted as what it was signed as, under a key of that purpose, and
// as nothing else; no byte of it can be changed.
func TestDocumentsOpenOnlyWhatWasSignedAsSuch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	load := func(p Purpose) *Keys {
		keys, err := LoadKeysFor(dir, p, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	tokens, receipts, ledger := load(PurposeToken), load(PurposeReceipt), load(PurposeLedger)
	docs, err := ReadDocuments(JWKSOf(tokens, receipts, ledger))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(k *Keys, typ string) string {
		raw, err := k.Sign(typ, map[string]string{"x": "y"})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good := sign(receipts, "receipt+jwt")
	if payload, err := docs.Open(PurposeReceipt, "receipt+jwt", good); err != nil || string(payload) != `{"x":"y"}` {
		t.Fatalf("payload %s, %v", payload, err)
	}
	for name, raw := range map[string]string{
		"other typ":            sign(receipts, "at+jwt"),
		"a ledger's key":       sign(ledger, "receipt+jwt"),
		"a token's key":        sign(tokens, "receipt+jwt"),
		"nothing":              "",
		"a line break":         good + "\n",
		"unsigned":             good[:strings.LastIndexByte(good, '.')+1],
		"more than a document": strings.Repeat("a", maxDocumentBytes) + "." + good,
	} {
		if _, err := docs.Open(PurposeReceipt, "receipt+jwt", raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for i := range len(good) {
		for _, c := range []byte{'A', 'z', '.', ' '} {
			if good[i] == c {
				continue
			}
			if _, err := docs.Open(PurposeReceipt, "receipt+jwt", good[:i]+string(c)+good[i+1:]); err == nil {
				t.Fatalf("byte %d can be %q", i, c)
			}
		}
	}
	alone, err := ReadDocuments(JWKSOf(tokens))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Open(PurposeReceipt, "receipt+jwt", good); err == nil {
		t.Error("accepted without its key")
	}
}

// Keys of other purposes verify no token, and only public members are published.
func TestKeysOfAPurposeStayApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	receipts, err := LoadKeysFor(dir, PurposeReceipt, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := LoadKeys(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tokens.find(receipts.List()[0].ID); ok {
		t.Error("a receipt's key would verify a token")
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(JWKSOf(tokens, receipts), &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("key set %v, %v", set, err)
	}
	if kid, _ := set.Keys[1]["kid"].(string); !strings.HasPrefix(kid, "receipt.") || set.Keys[1]["d"] != nil {
		t.Errorf("published %v", set.Keys[1])
	}
}
