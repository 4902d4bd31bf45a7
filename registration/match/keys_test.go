package match

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/registration/hardwarehash"
)

func keyOf(id identity, kind Kind) []byte {
	for _, k := range Keys(id) {
		if k.Kind == kind {
			return k.Local
		}
	}
	return nil
}

// Blocking must be complete: whatever agrees is found through a shared key, and
// whatever differs has different keys, on which the unique index relies.
func TestKeys_agreeExactlyWhenIdentifiersDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyIdentity(t, "a"), anyIdentity(t, "b")
		c := Compare(a, b)
		for _, kind := range []Kind{EndorsementKey, UUID, Serial, SystemDisk, ProductKeyID} {
			x, y := keyOf(a, kind), keyOf(b, kind)
			shared := x != nil && bytes.Equal(x, y)
			if shared != slices.Contains(c.Of(Agrees), kind) {
				t.Fatalf("%s: keys %x and %x, comparison %+v", kind, x, y, c)
			}
		}
		network := false
		for _, k := range Keys(a) {
			network = network || k.Kind == Network && slices.ContainsFunc(Keys(b), func(o Key) bool {
				return o.Kind == Network && bytes.Equal(k.Local, o.Local)
			})
		}
		if network != (c.N == Agrees) {
			t.Fatalf("adapters: shared key %v, comparison %+v", network, c)
		}
	})
}

func TestKeys_areSortedAndShort(t *testing.T) {
	t.Parallel()
	id := with(device('A'), func(id *identity) {
		id.Serial = strings.Repeat("9", 500)
		for n := range byte(100) {
			id.MACs = append(id.MACs, hardwarehash.MAC{0, 0x20, 0, 0, 0, n})
		}
	})
	keys := Keys(id)
	if len(keys) != 5+maxAdapters {
		t.Errorf("%d keys", len(keys))
	}
	if !slices.IsSortedFunc(keys, func(a, b Key) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return bytes.Compare(a.Local, b.Local)
	}) {
		t.Error("keys are not sorted")
	}
	for _, k := range keys {
		if len(k.Local) > 31 || len(k.Local) < 6 {
			t.Errorf("%s has %d bytes", k.Kind, len(k.Local))
		}
	}
	if len(Keys(identity{})) != 0 {
		t.Error("a device of which nothing is known has keys")
	}
}

// One product's serials stay together and in order; that is what keeps the index
// small in memory.
func TestKeys_keepProductionOrder(t *testing.T) {
	t.Parallel()
	g := hardwarehash.NewGenerator(5)
	last := map[string][]byte{}
	for range 500 {
		id := g.Next().Report.Identity()
		key := keyOf(id, Serial)
		if before, ok := last[id.Product]; ok && (bytes.Compare(before, key) >= 0 || !bytes.Equal(before[:groupLen], key[:groupLen])) {
			t.Fatalf("%s: %x after %x", id.Serial, key, before)
		}
		last[id.Product] = key
	}
	if len(last) < 2 {
		t.Fatal("only one product was made")
	}
}

// The check digest separates what group and tail alone would join.
func TestKeys_separateLongSerialsAndShiftedTexts(t *testing.T) {
	t.Parallel()
	base := device('A')
	keys := map[string]string{}
	for name, id := range map[string]identity{
		"long A": with(base, func(id *identity) { id.Serial = "A" + strings.Repeat("0", 30) }),
		"long B": with(base, func(id *identity) { id.Serial = "B" + strings.Repeat("0", 30) }),
		"maker":  with(base, func(id *identity) { id.Manufacturer, id.Product = "AB", "C" }),
		"model":  with(base, func(id *identity) { id.Manufacturer, id.Product = "A", "BC" }),
	} {
		key := string(keyOf(id, Serial))
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[key] = name
	}
}

// The keys are stored: a change of their form needs a migration of the index.
func TestKeys_formIsStable(t *testing.T) {
	t.Parallel()
	if got := string(keyOf(device('A'), Serial)[groupLen : groupLen+4]); got != "SN-A" {
		t.Errorf("serial stands as %q", got)
	}
	if got := keyOf(identity{ProductKeyID: "3258505007954"}, ProductKeyID); !bytes.Equal(got, []byte{0, 0, 2, 0xf6, 0xae, 0x08, 0x93, 0x52}) {
		t.Errorf("product key id stands as %x", got)
	}
	if got := keyOf(identity{MACs: []hardwarehash.MAC{{1, 2, 3, 4, 5, 6}}}, Network); !bytes.Equal(got, []byte{1, 2, 3, 4, 5, 6}) {
		t.Errorf("adapter stands as %x", got)
	}
}

func TestStrongest_order(t *testing.T) {
	t.Parallel()
	id := device('A')
	for _, step := range []struct {
		prefix string
		remove func(*identity)
	}{
		{"E", func(id *identity) { id.EK = hardwarehash.Digest{} }},
		{"US", func(id *identity) { id.UUID = hardwarehash.UUID{} }},
		{"K", func(id *identity) { id.ProductKeyID = "" }},
		{"S", func(id *identity) { id.Serial = "" }},
	} {
		key, ok := Strongest(id)
		if !ok || !strings.HasPrefix(key, step.prefix) {
			t.Fatalf("got %q, want prefix %s", key, step.prefix)
		}
		step.remove(&id)
	}
	if key, ok := Strongest(id); ok {
		t.Errorf("disk and adapters make the key %q", key)
	}
}
