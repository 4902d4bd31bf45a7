package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// A customer registers its own devices without anybody's consent, by hash, with a client
// that was given the right; says what became of one after a repair; and may end any
// registration of its own, also one a partner made.
func TestOwnDevices(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		var mdm credential
		p.site.admin(&mdm, "client", "create", "--tenant", p.tenant, "--name", "MDM", "--can-register")
		me := p.commandLine(r, mdm)
		a, b := p.devices.Next(), p.devices.Next()
		me.write("office.csv", []byte("Device Serial Number,Windows Product ID,Hardware Hash,Group Tag\n"+
			",,"+a.Hash()+",sales\n"+
			",,"+b.Hash()+",\n"+
			a.Report.Identity().Serial+",,,\n"))
		me.run(3, "submit", "office.csv", "--own")
		if result := string(me.read("office.result.csv")); !strings.Contains(result, "by hardware hash only") {
			t.Errorf("result:\n%s", result)
		}
		var list struct{ Items []wire.RegisteredDevice }
		mustJSON(t, me.run(0, "devices", "--group-tag", "sales", "-o", "json"), &list)
		if len(list.Items) != 1 || list.Items[0].RegisteredBy != "tenant" || list.Items[0].PartnerID != "" {
			t.Fatalf("devices %+v", list.Items)
		}
		was := list.Items[0]

		repaired := p.devices.NewBoard(a)
		me.write("after.hash", []byte(repaired.Hash()+"\n"))
		var changed struct{ Row wire.UploadRow }
		mustJSON(t, me.run(0, "devices", "replace", was.ID, "after.hash", "-o", "json"), &changed)
		if changed.Row.Replaces != was.ID || changed.Row.DeviceID == was.ID || changed.Row.DeviceID == "" {
			t.Errorf("replacement %+v", changed.Row)
		}
		var now wire.RegisteredDevice
		mustJSON(t, me.run(0, "devices", changed.Row.DeviceID, "-o", "json"), &now)
		if now.State != "active" || now.GroupTag != "sales" || now.SerialNumber != repaired.Report.Identity().Serial {
			t.Errorf("after the repair %+v", now)
		}
		mustJSON(t, me.run(0, "devices", was.ID, "-o", "json"), &now)
		if last := now.History[len(now.History)-1]; now.State != "ended" || last.Kind != "replaced" {
			t.Errorf("what was repaired: %+v", now)
		}

		p.agree(r, p.tenant, p.customer)
		reseller := p.as(r, p.reseller)
		same(t, "the repaired device", p.codes(reseller, p.rowsOf(p.tenant, "repaired", map[string]any{"HardwareHash": repaired.Hash()})), "806")
		c := p.devices.Next()
		same(t, "a partner's device", p.codes(reseller, p.rowsOf(p.tenant, "theirs", map[string]any{"HardwareHash": c.Hash()})), "")
		devices, _, err := client.Collect(reseller.Devices(t.Context(), client.DeviceFilter{}), 0)
		if err != nil || len(devices) != 1 {
			t.Fatalf("the partner's devices: %+v, %v", devices, err)
		}
		me.run(0, "devices", "remove", devices[0].ID)
		same(t, "removed and sent again", p.codes(reseller, p.rowsOf(p.tenant, "again", map[string]any{"HardwareHash": c.Hash()})), "")

		_, other := p.newTenant("Contoso")
		stranger := p.commandLine(r, other)
		for _, try := range [][]string{{"submit", "office.csv", "--own"}, {"devices", "remove", was.ID}} {
			stranger.write("office.csv", me.read("office.csv"))
			if _, stderr, code := stranger.try(try...); code == 0 || !strings.Contains(stderr, "insufficient_scope") {
				t.Errorf("%v without the right: exit code %d, %s", try, code, stderr)
			}
		}
	})
}

func mustJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
