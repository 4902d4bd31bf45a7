package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/db"
	"countersign/registration/hardwarehash"
)

// factory makes an OEM with a line of its own and the customer's consent for it.
func (p *people) factory(r *replica) credential {
	p.t.Helper()
	var made struct{ ID string }
	var line credential
	p.site.admin(&made, "partner", "create", "--kind", "oem", "--name", "Fjordtek AS")
	p.site.admin(&line, "client", "create", "--partner", made.ID, "--name", "plant 1")
	p.consents(r, line)
	return line
}

// consents has a partner ask for the customer's consent and the customer grant it.
func (p *people) consents(r *replica, partner credential) {
	p.t.Helper()
	ask, err := p.as(r, partner).RequestConsent(p.t.Context(), wire.ConsentAsk{
		Tenant: p.tenant, Purpose: "registration", Scopes: []string{"devices.register"},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.as(r, p.customer).GrantConsent(p.t.Context(), ask.ID, wire.ConsentTerms{}); err != nil {
		p.t.Fatal(err)
	}
}

// oa3 is the file OA3Tool writes with /Report.
func oa3(d hardwarehash.Device, state int) []byte {
	return fmt.Appendf(nil, "\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Key><ProductKeyID>%s</ProductKeyID><ProductKeyState>%d</ProductKeyState><HardwareHash>%s</HardwareHash></Key>\r\n",
		d.Report.Identity().ProductKeyID, state, d.Hash())
}

// keyOf and tupleOf name a device as an OEM may.
func keyOf(d hardwarehash.Device) map[string]any {
	return map[string]any{"ProductKey": d.Report.Identity().ProductKeyID}
}

func tupleOf(d hardwarehash.Device) map[string]any {
	id := d.Report.Identity()
	return map[string]any{"SerialNumber": id.Serial, "OEMManufacturerName": id.Manufacturer, "ModelName": id.Product}
}

// report sends OA3 files as one would with curl and returns the code of each key.
func (p *people) report(cl *client.Client, files ...[]byte) []string {
	p.t.Helper()
	var codes []string
	for _, file := range files {
		receipt, err := cl.SubmitReport(p.t.Context(), client.ReportSubmission{
			RequestID: client.NewRequestID(), Body: client.BytesBody("application/xml", file),
		})
		if err != nil {
			p.t.Fatal(err)
		}
		ack := awaitReport(p.t, cl, receipt.TrackingID, 30*time.Second)
		for _, key := range ack.Keys {
			codes = append(codes, key.ErrorCode)
		}
	}
	return codes
}

func awaitReport(t *testing.T, cl *client.Client, tracking string, atMost time.Duration) wire.BuildReportAcknowledgement {
	t.Helper()
	var ack wire.BuildReportAcknowledgement
	await(t, atMost, "report "+tracking+" to finish", func(ctx context.Context) (done bool) {
		var err error
		ack, err = cl.BuildReport(ctx, tracking)
		return err == nil && (ack.State == "finished" || ack.State == "finished_with_errors")
	})
	return ack
}

// What a factory reported can be registered by product key id and by tuple, also after
// rework: a newer report of a serial takes the older one's place.
func TestFactory_reportThenRegister(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		line := p.as(r, p.factory(r))
		a, b, c := p.devices.Next(), p.devices.Next(), p.devices.Next()
		same(t, "before any report", p.codes(line, p.rowsOf(p.tenant, "early", keyOf(a), tupleOf(b))), "812", "812")
		same(t, "report", p.report(line, oa3(a, 3), oa3(b, 3), oa3(c, 3)), "", "", "")
		same(t, "report again", p.report(line, oa3(a, 3)), "")
		same(t, "a hash of its own", p.codes(line, p.rowsOf(p.tenant, "hash", map[string]any{"HardwareHash": a.Hash()})), "803")
		same(t, "by key and by tuple", p.codes(line, p.rowsOf(p.tenant, "first", keyOf(a), tupleOf(b))), "", "")
		same(t, "once more", p.codes(line, p.rowsOf(p.tenant, "again", tupleOf(a), keyOf(b))), "806", "806")

		reworked := p.devices.NewTPM(c)
		if was, is := c.Report.Identity(), reworked.Report.Identity(); was.Serial != is.Serial || was.EK == is.EK {
			t.Fatalf("no rework: %+v became %+v", was, is)
		}
		same(t, "rework", p.report(line, oa3(reworked, 3)), "")
		same(t, "registration after rework", p.codes(line, p.rowsOf(p.tenant, "rework", tupleOf(reworked))), "")

		d := p.devices.Next()
		same(t, "report and return", p.report(line, oa3(d, 3), oa3(d, 5)), "", "")
		same(t, "a returned key", p.codes(line, p.rowsOf(p.tenant, "returned", keyOf(d))), "812")
	})
}

// The tool's input file holds product keys. It is refused by whatever way it comes, and
// no log, table, file or answer holds the key afterwards.
func TestFactory_keyFileLeavesNoTrace(t *testing.T) {
	const secret = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"
	inputFile := []byte(`<?xml version="1.0"?><Key><ProductKey>` + secret + `</ProductKey><ProductKeyID>3300000000001</ProductKeyID><ProductKeyState>2</ProductKeyState></Key>`)
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			r := s.start("COUNTERSIGN_LOG_LEVEL=debug")
			p := newPeople(t, s)
			owner := p.factory(r)
			line, seen := p.as(r, owner), &strings.Builder{}
			for contentType, body := range map[string][]byte{
				"application/xml":      inputFile,
				"application/json":     []byte(`{"customerReportUniqueId":"` + secret + `","keys":[{"productKey":"` + secret + `"}]}`),
				"application/x-ndjson": []byte(`{"productKeyId":"` + secret + `","soldTo":"` + secret + `","note":"` + secret + `"}`),
			} {
				receipt, err := line.SubmitReport(t.Context(), client.ReportSubmission{
					RequestID: client.NewRequestID(), Body: client.BytesBody(contentType, body),
				})
				var refusal *client.APIError
				switch {
				case err == nil: // the container was sound: the row is refused
					ack := awaitReport(t, line, receipt.TrackingID, 30*time.Second)
					if ack.Keys[0].ErrorCode != "801" {
						t.Errorf("%s: %+v", contentType, ack.Keys[0])
					}
					raw, _ := json.Marshal(ack)
					seen.Write(raw)
				case errors.As(err, &refusal) && refusal.Status == 400:
					raw, _ := json.Marshal(refusal)
					seen.Write(raw)
				default:
					t.Errorf("%s: %v", contentType, err)
				}
			}
			me := p.commandLine(r, owner)
			me.write("in/key.xml", inputFile)
			stdout, stderr, code := me.try("report", "in")
			if code == 0 || !strings.Contains(stderr+stdout, "5x5 product key") {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			seen.WriteString(stdout + stderr)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			seen.WriteString(r.log.String())
			if err := os.Remove(filepath.Join(me.dir, "in", "key.xml")); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{secret, strings.ReplaceAll(secret, "-", ""), secret[6:17]} {
				if strings.Contains(strings.ToUpper(seen.String()), part) {
					t.Errorf("an answer or the log holds %s", part)
				}
				for name, content := range s.everything(me.dir) {
					if bytes.Contains(bytes.ToUpper(content), []byte(part)) {
						t.Errorf("%s holds %s", name, part)
					}
				}
			}
		})
	}
}

// A folder of two thousand reports survives a gateway that is killed in the middle:
// everything is on record once.
func TestFactory_folderOfReportsAndAKilledGateway(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres)
	r := s.start()
	p := newPeople(t, s)
	owner := p.factory(r)
	me := p.commandLine(r, owner)
	const files = 2000
	for i := range files {
		d := p.devices.Next()
		me.write(fmt.Sprintf("oa3/%05d.xml", i), oa3(d, 3))
	}
	type ended struct {
		stdout, stderr string
		code           int
	}
	done := make(chan ended, 1)
	go func() {
		stdout, stderr, code := me.try("report", "oa3", "--group", "100", "--patience", "60s")
		done <- ended{stdout, stderr, code}
	}()
	s.await("some reports to be on record", "SELECT count(*) >= 150 FROM upload_rows WHERE settled_at IS NOT NULL")
	r.kill()
	s.startAt(r)
	end := <-done
	if end.code != 0 { // the link was cut: the same command continues
		end.stdout, end.stderr, end.code = me.try("report", "oa3", "--group", "100", "--patience", "60s")
	}
	if end.code != 0 {
		t.Fatalf("exit code %d\n%s%s", end.code, end.stdout, end.stderr)
	}
	for what, query := range map[string]string{
		"rows of reports":          "SELECT count(*) FROM upload_rows JOIN uploads ON uploads.id = upload_rows.upload_id WHERE uploads.kind = 'report' AND uploads.state = 'finished'",
		"identities":               "SELECT count(*) FROM core.identities WHERE retired_at IS NULL",
		"product keys":             "SELECT count(DISTINCT product_key) FROM core.identities",
		"identities once reported": "SELECT count(*) FROM (SELECT identity_id FROM core.device_events WHERE kind = 'reported' GROUP BY identity_id HAVING count(*) = 1) AS once",
	} {
		if n := s.number(query); n != files {
			t.Errorf("%d %s, want %d", n, what, files)
		}
	}
	if out := me.run(0, "report", "oa3", "--group", "100"); s.number("SELECT count(*) FROM upload_rows") != files {
		t.Errorf("an unchanged folder was reported again:\n%s", out)
	}
}
