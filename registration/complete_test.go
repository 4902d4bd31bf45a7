package registration_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// An update takes the keys of serials and disks away; afterwards every device has
// the keys it had, however often the work was stopped, and is found by its tuple.
func TestCompleteKeys(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(300)
		var ids []models.DeviceIdentity
		for range models.DispatchRows {
			ids = append(ids, hash(g.Next().Report))
		}
		first := g.Next().Report
		c.one(granted(oak, acme), hash(first))
		c.register(submit(granted(oak, acme), ids...))
		want := c.keys()

		if err := c.db.MigrateDownTo(t.Context(), migrations.Core, 3); err != nil {
			t.Fatal(err)
		}
		if err := c.db.Migrate(t.Context(), migrations.Core); err != nil {
			t.Fatal(err)
		}
		if left := c.keys(); len(left) >= len(want) || len(left) == 0 {
			t.Fatalf("the update left %d of %d keys", len(left), len(want))
		}
		wantCodes(t, "before", c.register(submit(granted(elm, bolt), tuple(first))), "812")
		for range 2 {
			if err := registration.CompleteKeys(t.Context(), c.db); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.keys(); !slices.Equal(got, want) {
			t.Errorf("%d keys, had %d", len(got), len(want))
		}
		wantCodes(t, "after", c.register(submit(granted(elm, bolt), tuple(first))), "808")
		if left, err := gorm.G[models.IDSeries](c.db.Read()).Where("name <> 'identities'").Count(t.Context(), "*"); err != nil || left != 0 {
			t.Errorf("%d series stayed, %v", left, err)
		}
	})
}

// keys lists the look-up keys in order.
func (c core) keys() []models.IdentityKey {
	c.t.Helper()
	keys, err := gorm.G[models.IdentityKey](c.db.Read()).Order("key, identity_id").Find(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return keys
}
