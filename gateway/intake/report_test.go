package intake

import (
	"context"
	"errors"
	"strings"
	"testing"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// reportBody is a body that names its report.
type reportBody struct {
	*body
	id string
}

func (b *reportBody) ReportID() string { return b.id }

func reportCall() Call {
	c := Call{Caller: Caller{PartnerID: partnerA, PartnerKind: models.OEM, ClientID: "p-1"}}
	c.Method, c.Path = "POST", "/v1/oem/buildReports"
	return c
}

func reportOf(id string, rows ...Row) *reportBody { return &reportBody{body: list(rows...), id: id} }

func (f *fixture) report(call Call, src ReportSource) Accepted {
	f.t.Helper()
	a, err := f.svc.Report(f.t.Context(), call, src)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func TestReport_isAnUploadOfNoTenant(t *testing.T) {
	m := machines(3)
	run(t, func(f *fixture) {
		call := reportCall()
		call.SoldTo = "4711"
		call.Defaults.OrderNumber = "build 7"
		a := f.report(call, reportOf("rep-0001",
			Row{HardwareHash: m[0].hash, KeyState: " 3 "},
			Row{HardwareHash: m[1].hash, KeyState: "6", SoldTo: "nobody"},
			Row{HardwareHash: m[2].hash, SoldTo: "4711"},
			Row{ProductKey: "3300000000001", KeyState: "5"},
		))
		if want := "/v1/oem/buildReports/" + string(a.TrackingID); a.Location != want {
			f.t.Errorf("location %s, want %s", a.Location, want)
		}
		up, rows := f.upload(a)
		if up.Kind != models.UploadReport || up.TenantID != "" || up.GrantID != "grant-1" || up.BatchID != nil || up.ReportID != "rep-0001" || up.OpenRows != 3 {
			f.t.Errorf("upload %+v", up)
		}
		if rows[1].Outcome.Code != models.OutcomeUnreadableRow || !strings.Contains(rows[1].Sentence, "soldTo names no partner") {
			f.t.Errorf("an unknown buyer: %+v", rows[1])
		}
		if n := f.count("upload_rows WHERE sold_to = ? AND ordinal IN (1, 3, 4)", partnerB); n != 3 {
			f.t.Errorf("%d rows name the buyer", n)
		}
		if n := f.count("upload_rows WHERE returned AND ordinal = 4 AND product_key = '3300000000001'"); n != 1 {
			f.t.Error("the returned key is not kept")
		}
		if n := f.count("dispatches WHERE kind = 'report' AND tenant_id = '' AND first_ordinal = 1 AND last_ordinal = 4"); n != 1 {
			f.t.Errorf("%d dispatches", n)
		}
		if f.count("batches") != 0 || f.reserved != 0 || f.budget.spent != 4 || f.queue.wakes != 1 {
			f.t.Errorf("batches %d, reserved %d, spent %d, wakes %d", f.count("batches"), f.reserved, f.budget.spent, f.queue.wakes)
		}
		want := Ask{Partner: partnerA, Client: "p-1", Scope: ScopeReport}
		if len(f.asks) != 2 || f.asks[0] != want || f.asks[1] != want {
			f.t.Errorf("asked %+v", f.asks)
		}
		if f.directory.asked != 2 {
			f.t.Errorf("the directory was asked %d times about two names", f.directory.asked)
		}
		if got := f.byOrder(Scope{Partner: partnerA}, "build 7"); len(got) != 1 {
			f.t.Errorf("by order: %v", got)
		}
		if got := f.byOrder(Scope{Tenant: tenantX}, "build 7"); got != nil {
			f.t.Errorf("a customer finds the report: %v", got)
		}
	})
}

func TestReport_rules(t *testing.T) {
	t.Parallel()
	m := machines(2)
	noKey := bare(t, hardwarehash.Inventory{System: hardwarehash.System{Manufacturer: "Fjordtek AS", Product: "Skerry 14", Serial: "SN-1"}})
	for name, tc := range map[string]struct {
		row     Row
		code    models.OutcomeCode // empty: left to the core
		says    string
		warning string
	}{
		"hash and key":        {row: Row{HardwareHash: m[0].hash, ProductKey: m[0].id.ProductKeyID}},
		"hash alone":          {row: Row{HardwareHash: m[0].hash}},
		"no hash":             {Row{ProductKey: m[0].id.ProductKeyID}, "803", "needs the hardware hash", ""},
		"nothing":             {Row{}, "803", "needs the hardware hash", ""},
		"another key inside":  {Row{HardwareHash: m[0].hash, ProductKey: m[1].id.ProductKeyID}, "9004", m[0].id.ProductKeyID, ""},
		"another serial":      {Row{HardwareHash: m[0].hash, SerialNumber: "X"}, "9004", "", ""},
		"bad hash":            {Row{HardwareHash: "AAAA"}, "802", "", ""},
		"no key anywhere":     {row: Row{HardwareHash: noKey}, warning: "states a product key id"},
		"no key, and said so": {row: Row{HardwareHash: noKey, KeyState: "6"}},
		"returned":            {row: Row{ProductKey: m[0].id.ProductKeyID, KeyState: "8"}},
		"returned, no key":    {Row{HardwareHash: m[0].hash, KeyState: "5"}, "803", "states none", ""},
		"key still in stock":  {Row{HardwareHash: m[0].hash, KeyState: "2"}, "801", "in no machine yet", ""},
		"no state":            {Row{HardwareHash: m[0].hash, KeyState: "three"}, "801", "productKeyState", ""},
		"a secret for a key":  {Row{HardwareHash: m[0].hash, ProductKey: "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"}, "801", "secret", ""},
		"a secret for a state": {
			Row{HardwareHash: m[0].hash, KeyState: "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"}, "801", "secret", "",
		},
	} {
		r := rules{kind: models.OEM, seen: &seen{}, report: true}
		got := r.check(1, tc.row)
		code, detail := models.OutcomeCode(""), ""
		if got.verdict != nil {
			code, detail = got.verdict.code, got.verdict.detail
		}
		if code != tc.code || !strings.Contains(detail, tc.says) || strings.Contains(detail, "N7YYX") {
			t.Errorf("%s: %q %s", name, code, detail)
		}
		if warned := strings.Join(got.warnings, " "); tc.warning == "" != (warned == "") || !strings.Contains(warned, tc.warning) {
			t.Errorf("%s: warnings %q", name, warned)
		}
	}
}

// Rework shows as a second capture of a machine: only the core can tell which counts.
func TestReport_onlyTheSameCaptureIsADuplicate(t *testing.T) {
	t.Parallel()
	d := hardwarehash.NewGenerator(5).Next()
	later, err := hardwarehash.Recapture(d.Report, 6)
	if err != nil {
		t.Fatal(err)
	}
	first, again := d.Hash(), later.Text()
	if first == again {
		t.Fatal("two captures of one machine are equal")
	}
	r := rules{kind: models.OEM, seen: &seen{}, report: true}
	for i, tc := range []struct {
		row  Row
		code models.OutcomeCode
	}{
		{Row{HardwareHash: first}, ""},
		{Row{HardwareHash: again}, ""},
		{Row{HardwareHash: first}, models.OutcomeDuplicated},
		{Row{HardwareHash: first, SoldTo: string(partnerB)}, ""},
		{Row{ProductKey: "3300000000001", KeyState: "5"}, ""},
		{Row{ProductKey: "3300000000001", KeyState: "8"}, models.OutcomeDuplicated},
	} {
		got := r.check(i+1, tc.row)
		if open := got.verdict == nil; open != (tc.code == "") || !open && got.verdict.code != tc.code {
			t.Errorf("row %d: %+v", i+1, got.verdict)
		}
	}
}

func TestReport_itsOwnIDMakesItRepeatable(t *testing.T) {
	m := machines(2)
	run(t, func(f *fixture) {
		rows := []Row{{HardwareHash: m[0].hash}}
		first := f.report(keyed(reportCall(), "req-1"), reportOf("rep-0001", rows...))
		byRequest := f.report(keyed(reportCall(), "req-1"), reportOf("rep-0001", rows...))
		byReport := f.report(reportCall(), reportOf("rep-0001", rows...))
		other := keyed(reportCall(), "req-2")
		other.Path += "?orderNumber=7"
		both := f.report(other, reportOf("rep-0001", rows...))
		for name, got := range map[string]Accepted{"request id": byRequest, "report id": byReport, "another request id": both} {
			if got.TrackingID != first.TrackingID || !got.Replayed || got.Location != first.Location {
				f.t.Errorf("%s: %+v, want a replay of %+v", name, got, first)
			}
		}
		another := reportOf("rep-0001", Row{HardwareHash: m[1].hash})
		another.salt = "another body"
		_, err := f.svc.Report(f.t.Context(), reportCall(), another)
		if got := wantCode(f.t, err, ErrKeyReused); !strings.Contains(got.Detail, string(first.TrackingID)) {
			f.t.Errorf("the first report is not named: %s", got.Detail)
		}
		sold := reportCall()
		sold.SoldTo = string(partnerB)
		ordered := reportCall()
		ordered.Defaults.OrderNumber = "7"
		for name, call := range map[string]Call{"another buyer": sold, "another order": ordered} {
			if _, err := f.svc.Report(f.t.Context(), call, reportOf("rep-0001", rows...)); !errors.Is(err, ErrKeyReused) {
				f.t.Errorf("%s for the same body: %v", name, err)
			}
		}
		spaced := keyed(reportCall(), "req-3")
		spaced.Defaults.OrderNumber = " 8 "
		f.report(spaced, reportOf("rep-0002", rows...))
		if got := f.report(spaced, reportOf("rep-0002", rows...)); !got.Replayed {
			f.t.Error("a repeat with blanks around the order number is taken for another call")
		}
		theirs := reportCall()
		theirs.PartnerID = partnerB
		if got := f.report(theirs, reportOf("rep-0001", Row{HardwareHash: m[1].hash})); got.Replayed {
			f.t.Error("another OEM's report of the same id is taken for a repeat")
		}
		if n := f.count("uploads"); n != 3 || f.budget.spent != 3 {
			f.t.Errorf("%d uploads, %d devices spent", n, f.budget.spent)
		}
		if n := f.count("idempotency_keys"); n != 5 {
			f.t.Errorf("%d keys are kept, want those of the three uploads", n)
		}
	})
}

// A repeat that is known by its report id only after it was staged leaves nothing.
func TestReport_stagedRepeatIsDiscarded(t *testing.T) {
	run(t, func(f *fixture) {
		rows := func() *reportBody {
			src := tuples(SmallRows + 200)
			plain := src.row
			src.row = func(i int) Row {
				r := plain(i)
				r.ProductKey, r.KeyState = "3300000000001", "5"
				return r
			}
			return &reportBody{body: src, id: "rep-0001"}
		}
		first := f.report(keyed(reportCall(), "req-1"), rows())
		again := f.report(keyed(reportCall(), "req-2"), rows())
		if !again.Replayed || again.TrackingID != first.TrackingID {
			f.t.Errorf("%+v, want a replay of %+v", again, first)
		}
		if n := f.count("uploads"); n != 1 || f.count("upload_rows") != SmallRows+200 {
			f.t.Errorf("%d uploads, %d rows", n, f.count("upload_rows"))
		}
	})
}

func TestReport_refusalsLeaveNothing(t *testing.T) {
	m := machines(1)
	run(t, func(f *fixture) {
		full := errs.New(errs.RateLimited, "rate_limit_exceeded", "later")
		f.budget.refuse = full
		_, err := f.svc.Report(f.t.Context(), keyed(reportCall(), "req-1"), reportOf("rep-0001", Row{HardwareHash: m[0].hash}))
		wantCode(f.t, err, full)
		f.budget.refuse = nil
		_, err = f.svc.Report(f.t.Context(), keyed(reportCall(), "req-1"), reportOf("rep-0001"))
		wantCode(f.t, err, ErrNoDevices)
		f.nothingLeft()
		f.report(keyed(reportCall(), "req-1"), reportOf("rep-0001", Row{HardwareHash: m[0].hash}))
	})
}

func TestExpectedDomain(t *testing.T) {
	run(t, func(f *fixture) {
		call := create("depot")
		call.ExpectedDomain = "contoso.example"
		src := tuples(2)
		_, err := f.svc.Accept(f.t.Context(), call, src)
		if got := wantCode(f.t, err, ErrOtherDomain); src.given != 0 || strings.Contains(got.Detail, "example") {
			f.t.Errorf("%d rows were read; %s", src.given, got.Detail)
		}
		f.nothingLeft()
		f.consent.check = func(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
		asked := f.directory.asked
		if _, err := f.svc.Accept(f.t.Context(), call, tuples(2)); !errors.Is(err, errNoConsent) || f.directory.asked != asked {
			f.t.Errorf("without a grant: %v, the directory was asked %d times", err, f.directory.asked-asked)
		}
		f.consent.check = func(_ context.Context, ask Ask) (Permit, error) { return f.permit(ask), nil }
		call.ExpectedDomain = "fabrikam.example"
		f.accept(call, tuples(2))
	})
}
