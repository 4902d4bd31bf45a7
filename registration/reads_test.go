package registration_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// list reads a whole list of devices in pages and returns their ids.
func (c core) list(scope registration.Scope, f registration.Filter, limit int) []models.DeviceID {
	c.t.Helper()
	var ids []models.DeviceID
	for cursor := ""; ; {
		found, next, err := c.Devices(c.t.Context(), scope, f, registration.Page{Cursor: cursor, Limit: limit})
		if err != nil {
			c.t.Fatalf("%+v %+v: %v", scope, f, err)
		}
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		if cursor = next; cursor == "" {
			return ids
		}
	}
}

func reversed(ids []models.DeviceID) []models.DeviceID {
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	return ids
}

func TestEachReaderSeesItsOwnDevices(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(101)
		ids := map[string]models.DeviceID{}
		for _, a := range []models.Authority{granted(oak, acme), granted(oak, bolt), granted(elm, acme), granted(elm, bolt), own(acme)} {
			ids[fmt.Sprint(a.PartnerID, " ", a.TenantID)] = c.one(a, hash(g.Next().Report)).DeviceID
		}
		oakAcme, oakBolt, elmAcme, itself := ids["partner-oak tenant-acme"], ids["partner-oak tenant-bolt"], ids["partner-elm tenant-acme"], ids[" tenant-acme"]
		for scope, want := range map[registration.Scope][]models.DeviceID{
			{}:                                 nil,
			{Partner: oak}:                     {oakBolt, oakAcme},
			{Partner: oak, Tenant: acme}:       {oakAcme},
			{Partner: elm, Tenant: acme}:       {elmAcme},
			{Tenant: acme}:                     {itself, elmAcme, oakAcme},
			{Tenant: "nobody"}:                 nil,
			{Partner: "nobody", Tenant: acme}:  nil,
			{Partner: oak, Tenant: "' OR 1=1"}: nil,
		} {
			if got := c.list(scope, registration.Filter{}, 1); !slices.Equal(got, want) {
				t.Errorf("%+v lists %v, want %v", scope, got, want)
			}
			for who, id := range ids {
				_, err := c.Device(t.Context(), scope, id)
				_, _, historyErr := c.History(t.Context(), scope, id, registration.Page{})
				if mine := slices.Contains(want, id); mine && (err != nil || historyErr != nil) ||
					!mine && (!errors.Is(err, registration.ErrNoDevice) || !errors.Is(historyErr, registration.ErrNoDevice)) {
					t.Errorf("%+v reads the device of %s: %v, history %v", scope, who, err, historyErr)
				}
			}
			for _, id := range []models.DeviceID{"", "x", "' OR '1'='1", "\x00", models.DeviceID(newID())} {
				_, err := c.Device(t.Context(), scope, id)
				_, foreign := c.Device(t.Context(), registration.Scope{Tenant: "nobody"}, oakAcme)
				if got, want := errs.From(err), errs.From(foreign); got.Code != want.Code || got.Detail != want.Detail {
					t.Errorf("unknown id %q answers %v, a foreign one %v", id, err, foreign)
				}
			}
		}
	})
}

func TestDevicesAreFoundByWhatIsKnownOfThem(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(102)
		reports := []*hardwarehash.Report{g.Next().Report, g.Next().Report, g.Next().Report, g.Next().Report}
		tags := []string{"kiosk", "", "KIOSK", "kiosk"}
		sub := submit(granted(oak, acme), hash(reports[0]), hash(reports[1]), hash(reports[2]), hash(reports[3]))
		for i := range sub.Rows {
			sub.Rows[i].Order.GroupTag = tags[i]
		}
		var ids []models.DeviceID
		for _, a := range c.register(sub) {
			ids = append(ids, a.DeviceID)
		}
		c.remove(removal(own(acme), ids[3]))
		abroad := c.one(granted(elm, bolt), hash(reports[3])).DeviceID
		at := func(id models.DeviceID) time.Time {
			d, err := c.Device(t.Context(), registration.Scope{Tenant: acme}, id)
			if err != nil {
				t.Fatal(err)
			}
			return d.RegisteredAt
		}
		first, gone := reports[0].Identity(), reports[3].Identity()
		for name, test := range map[string]struct {
			filter registration.Filter
			want   []models.DeviceID
		}{
			"nothing":                        {registration.Filter{}, reversed(ids)},
			"active":                         {registration.Filter{State: models.RegistrationActive}, reversed(ids[:3])},
			"ended":                          {registration.Filter{State: models.RegistrationEnded}, ids[3:]},
			"serial":                         {registration.Filter{Serial: first.Serial}, ids[:1]},
			"serial in other letters":        {registration.Filter{Serial: " " + strings.ToLower(first.Serial) + "\t"}, ids[:1]},
			"serial of an ended one":         {registration.Filter{Serial: gone.Serial}, ids[3:]},
			"the same, active only":          {registration.Filter{Serial: gone.Serial, State: models.RegistrationActive}, nil},
			"part of a serial":               {registration.Filter{Serial: first.Serial[:3]}, nil},
			"pattern":                        {registration.Filter{Serial: "%"}, nil},
			"injection":                      {registration.Filter{Serial: "' OR 1=1 --"}, nil},
			"placeholder":                    {registration.Filter{Serial: "To be filled by O.E.M."}, nil},
			"NUL":                            {registration.Filter{Serial: "\x00"}, nil},
			"product key":                    {registration.Filter{ProductKey: " " + first.ProductKeyID}, ids[:1]},
			"product key of an ended one":    {registration.Filter{ProductKey: gone.ProductKeyID}, ids[3:]},
			"no product key":                 {registration.Filter{ProductKey: "x"}, nil},
			"unknown product key":            {registration.Filter{ProductKey: "0000000000001"}, nil},
			"serial and another product key": {registration.Filter{Serial: first.Serial, ProductKey: gone.ProductKeyID}, nil},
			"group tag":                      {registration.Filter{GroupTag: "kiosk"}, []models.DeviceID{ids[3], ids[0]}},
			"group tag, active only":         {registration.Filter{GroupTag: "kiosk", State: models.RegistrationActive}, ids[:1]},
			"since its moment":               {registration.Filter{Since: at(ids[0])}, reversed(ids)},
			"since later":                    {registration.Filter{Since: at(ids[0]).Add(time.Microsecond)}, nil},
			"until its moment":               {registration.Filter{Until: at(ids[0])}, nil},
			"until later":                    {registration.Filter{Until: at(ids[0]).Add(time.Microsecond)}, reversed(ids)},
			"until far away":                 {registration.Filter{Since: time.Unix(-1e10, 0), Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, reversed(ids)},
		} {
			if got := c.list(registration.Scope{Tenant: acme}, test.filter, 3); !slices.Equal(got, test.want) {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
		if got := c.list(registration.Scope{Partner: elm}, registration.Filter{Serial: gone.Serial}, 3); !slices.Equal(got, []models.DeviceID{abroad}) {
			t.Errorf("the new owner finds %v, want %v", got, abroad)
		}
	})
}

// The device goes on to another tenant, whose partner repairs it and captures it
// anew. Nothing of that reaches the former owner.
func TestEndedRegistrationShowsWhatWasKnownAtItsEnd(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		scope := registration.Scope{Tenant: acme}
		device := hardwarehash.NewGenerator(103).Next().Report
		id := c.one(granted(oak, acme), hash(device)).DeviceID
		before, err := c.Device(t.Context(), scope, id)
		if err != nil {
			t.Fatal(err)
		}
		c.remove(removal(own(acme), id))
		resold := edited(t, device, func(inv *hardwarehash.Inventory) { inv.ProductKeyID = "3300000000042" })
		wantCodes(t, "the next owner", c.register(submit(granted(elm, bolt), hash(resold))), "-")

		after, err := c.Device(t.Context(), scope, id)
		if err != nil || after.Identity.ProductKey != before.Identity.ProductKey || !after.CapturedAt.Equal(before.CapturedAt) {
			t.Errorf("after its end: %+v %s, %v; before: %+v %s", after.Identity, after.CapturedAt, err, before.Identity, before.CapturedAt)
		}
		if got := c.list(scope, registration.Filter{ProductKey: "3300000000042"}, 10); got != nil {
			t.Errorf("the former owner finds %v by what the next one captured", got)
		}
	})
}

func TestListStaysStableWhileDevicesComeAndGo(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(104)
		var ids []models.DeviceID
		for range 9 {
			ids = append(ids, c.one(granted(oak, acme), hash(g.Next().Report)).DeviceID)
		}
		slices.Reverse(ids)
		scope, active := registration.Scope{Tenant: acme}, registration.Filter{State: models.RegistrationActive}
		var got []models.DeviceID
		page := registration.Page{Limit: 2}
		for range 20 {
			found, next, err := c.Devices(t.Context(), scope, active, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				got = append(got, d.ID)
			}
			if page.Cursor = next; next == "" {
				break
			}
			// The last one given out goes, the one after the next goes, a new one comes.
			c.one(granted(oak, acme), hash(g.Next().Report))
			if last := slices.Index(ids, got[len(got)-1]); last+2 < len(ids) {
				c.remove(removal(own(acme), ids[last], ids[last+2]))
				ids = slices.Delete(ids, last+2, last+3)
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("got %v, want what was there all the time and what had been given out: %v", got, ids)
		}
	})
}

func TestHistoryShowsTheReadersOwnEntries(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		report := hardwarehash.NewGenerator(105).Next().Report
		first := c.one(granted(oak, acme), hash(report)).DeviceID
		c.one(granted(elm, bolt), tuple(report))
		c.one(granted(elm, acme), tuple(report))
		c.remove(removal(own(acme), first))
		second := c.one(granted(elm, bolt), productKey(report)).DeviceID
		c.one(granted(oak, acme), productKey(report))

		for _, test := range []struct {
			scope registration.Scope
			id    models.DeviceID
			want  []string
		}{
			{registration.Scope{Tenant: acme}, first, []string{
				"registered tenant-acme partner-oak first", "seen tenant-acme partner-elm first", "removed tenant-acme  first", "contested tenant-acme partner-oak -",
			}},
			{registration.Scope{Partner: oak}, first, []string{"registered tenant-acme partner-oak first", "contested tenant-acme partner-oak -"}},
			{registration.Scope{Tenant: bolt}, second, []string{"contested tenant-bolt partner-elm -", "registered tenant-bolt partner-elm second"}},
			{registration.Scope{Partner: elm}, second, []string{"contested tenant-bolt partner-elm -", "seen tenant-acme partner-elm -", "registered tenant-bolt partner-elm second"}},
			{registration.Scope{Partner: elm, Tenant: bolt}, second, []string{"contested tenant-bolt partner-elm -", "registered tenant-bolt partner-elm second"}},
		} {
			for limit := range 4 { // 0 is the default
				var got []string
				page := registration.Page{Limit: limit}
				for {
					events, next, err := c.History(t.Context(), test.scope, test.id, page)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range events {
						name := map[models.DeviceID]string{first: "first", second: "second", "": "-"}[e.DeviceID]
						got = append(got, fmt.Sprint(e.Kind, " ", e.TenantID, " ", e.PartnerID, " ", name))
					}
					if page.Cursor = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%+v, %d a page:\n%q\nwant\n%q", test.scope, limit, got, test.want)
				}
			}
		}
	})
}

func TestCursorsBelongToTheirList(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		scope := registration.Scope{Tenant: acme}
		done := c.register(devices(granted(oak, acme), 106, 3))
		c.register(submit(granted(oak, acme), productKey(hardwarehash.NewGenerator(106).Next().Report)))
		one := registration.Page{Limit: 1}
		_, listed, err := c.Devices(t.Context(), scope, registration.Filter{}, one)
		if err != nil || listed == "" {
			t.Fatal(listed, err)
		}
		_, told, err := c.History(t.Context(), scope, done[0].DeviceID, one)
		if err != nil || told == "" {
			t.Fatal(told, err)
		}
		raw, _ := base64.RawURLEncoding.DecodeString(listed)
		forged := base64.RawURLEncoding.EncodeToString(append(raw[:8:8], "' OR 1=1"...))
		for _, cursor := range []string{"x", "%", listed + "A", listed[:12], forged, told} {
			if _, _, err := c.Devices(t.Context(), scope, registration.Filter{}, registration.Page{Cursor: cursor}); !errors.Is(err, registration.ErrCursor) {
				t.Errorf("the list takes %q: %v", cursor, err)
			}
		}
		for name, ask := range map[string]func() error{
			"another filter": func() error {
				_, _, err := c.Devices(t.Context(), scope, registration.Filter{GroupTag: "x"}, registration.Page{Cursor: listed})
				return err
			},
			"another scope": func() error {
				_, _, err := c.Devices(t.Context(), registration.Scope{Tenant: bolt}, registration.Filter{}, registration.Page{Cursor: listed})
				return err
			},
			"the history": func() error {
				_, _, err := c.History(t.Context(), scope, done[0].DeviceID, registration.Page{Cursor: listed})
				return err
			},
			"another device's history": func() error {
				_, _, err := c.History(t.Context(), scope, done[1].DeviceID, registration.Page{Cursor: told})
				return err
			},
		} {
			if err := ask(); !errors.Is(err, registration.ErrCursor) {
				t.Errorf("%s takes the cursor: %v", name, err)
			}
		}
	})
}

func TestDevicesOfOneGrant(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		first, second := granted(oak, acme), granted(oak, acme)
		second.GrantID = "grant-later"
		second.Epochs[3].ID = "grant-later"
		var ids []models.DeviceID
		for _, a := range append(c.register(devices(first, 140, 3)), c.register(devices(second, 141, 2))...) {
			ids = append(ids, a.DeviceID)
		}
		c.remove(removal(own(acme), ids[2]))
		for _, scope := range []registration.Scope{{Tenant: acme}, {Partner: oak}, {Partner: oak, Tenant: acme}} {
			if got := c.list(scope, registration.Filter{Grant: first.GrantID}, 1); !slices.Equal(got, reversed(ids[:3])) {
				t.Errorf("%+v lists %v", scope, got)
			}
			if got := c.list(scope, registration.Filter{Grant: second.GrantID, State: models.RegistrationActive}, 10); !slices.Equal(got, reversed(ids[3:])) {
				t.Errorf("%+v lists %v of the later grant", scope, got)
			}
		}
		for _, scope := range []registration.Scope{{Tenant: bolt}, {Partner: elm}, {Partner: elm, Tenant: acme}} {
			if got := c.list(scope, registration.Filter{Grant: first.GrantID}, 10); len(got) != 0 {
				t.Errorf("%+v sees %v of a grant of others", scope, got)
			}
		}
	})
}
