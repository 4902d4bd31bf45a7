package gateway_test

import (
	"context"
	"encoding/json"
	"testing"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

func (e *edge) Foresee(_ context.Context, call intake.Call, src intake.Source, each func(intake.RowStatus) error) (intake.Foreseen, error) {
	if e.foresee == nil {
		return intake.Foreseen{}, errUnexpected
	}
	return e.foresee(call, src, each)
}

func TestForesee_answer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ token, path string }{
		"create": {"partner", "/v1/customers/" + tenant + "/deviceBatches"},
		"append": {"partner", "/v1/customers/" + tenant + "/deviceBatches/b/devices"},
		"own":    {"tenant", "/v1/devices"},
	} {
		e := newEdge(t)
		e.foresee = func(call intake.Call, _ intake.Source, each func(intake.RowStatus) error) (intake.Foreseen, error) {
			if !call.ValidateOnly || !call.Strict {
				t.Errorf("%s: call %+v", name, call)
			}
			for i, code := range []models.OutcomeCode{models.OutcomeRegistered, models.OutcomeNotFound} {
				at := now
				err := each(intake.RowStatus{Ordinal: i + 1, State: models.UploadFinished, Outcome: models.OutcomeOf(code), SettledAt: &at, Sentence: "Why."})
				if err != nil {
					return intake.Foreseen{}, err
				}
			}
			return intake.Foreseen{Rows: 2, WouldFail: 1}, nil
		}
		body := sdkBody
		if name != "create" {
			body = `[{"SerialNumber":"a"}]`
		}
		resp, text := e.do("POST", c.path, body, "Authorization", "Bearer "+c.token, "Prefer", "Handling=strict, Validate-Only")
		var got wire.Forecast
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, text)
		}
		if resp.StatusCode != 200 || resp.Header.Get("Preference-Applied") != "validate-only, handling=strict" || !got.ValidateOnly ||
			got.Rows != (wire.ForecastCounts{Total: 2, WouldSucceed: 1, WouldFail: 1}) || len(got.Items) != 2 ||
			got.Items[1].ErrorCode != string(models.OutcomeNotFound) || got.Items[1].NextActor == "" || got.Items[1].SettledAt != nil {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
	}
}

// A refusal is answered as that of the upload would be.
func TestForesee_refused(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.foresee = func(intake.Call, intake.Source, func(intake.RowStatus) error) (intake.Foreseen, error) {
		return intake.Foreseen{}, intake.ErrNoDevices
	}
	resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", sdkBody, "Prefer", "validate-only")
	refused(t, resp, body, 400, "no_devices")
	if applied := resp.Header.Get("Preference-Applied"); applied != "" {
		t.Errorf("Preference-Applied: %s", applied)
	}
}
