package intake

import (
	"encoding/json"
	"time"

	"countersign/models"
)

var rowColumns = []string{
	"upload_id", "ordinal", "serial_number", "product_key", "manufacturer", "model", "order_data",
	"hash_digest", "warnings", "settled_at", "error_code", "detail", "device_id", "sold_to", "returned", "replaces",
}

// rowValues are the values of rowColumns.
func rowValues(upload int64, r checked, now time.Time) ([]any, error) {
	order, err := orderJSON(r.order)
	if err != nil {
		return nil, err
	}
	warnings, err := warningsJSON(r.warnings)
	if err != nil {
		return nil, err
	}
	var settled, digest any
	code, detail := "", ""
	if r.verdict != nil {
		settled, code, detail = now, string(r.verdict.code), r.verdict.detail
	}
	if r.digest != nil {
		digest = r.digest
	}
	return []any{
		upload, r.ordinal, orNull(r.identity.SerialNumber), orNull(r.identity.ProductKey),
		orNull(r.identity.Manufacturer), orNull(r.identity.Model), order,
		digest, warnings, settled, code, detail, orNull(string(r.device)), orNull(string(r.soldTo)), r.returned, orNull(string(r.replaces)),
	}, nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// storedOrder leaves out what was not sent; most rows carry one or two of the fields.
type storedOrder struct {
	PurchaseOrder     string `json:",omitempty"`
	OrderNumber       string `json:",omitempty"`
	OrderLine         string `json:",omitempty"`
	DeliveryNote      string `json:",omitempty"`
	ShipDate          string `json:",omitempty"`
	GroupTag          string `json:",omitempty"`
	CustomerReference string `json:",omitempty"`
}

func orderJSON(o models.OrderData) (any, error) {
	if o == (models.OrderData{}) {
		return nil, nil
	}
	text, err := json.Marshal(storedOrder(o))
	return string(text), err
}

func warningsJSON(warnings []string) (any, error) {
	if len(warnings) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(warnings)
	return string(text), err
}

// status computes what readers see of a stored row.
func status(up models.Upload, r models.UploadRow) (RowStatus, error) {
	out := RowStatus{
		Ordinal: r.Ordinal, State: up.State, SettledAt: r.SettledAt, Sentence: r.Detail,
		Identity: models.DeviceIdentity{
			SerialNumber: text(r.SerialNumber), ProductKey: text(r.ProductKey),
			Manufacturer: text(r.Manufacturer), Model: text(r.Model),
		},
	}
	if r.DeviceID != nil {
		out.DeviceID = *r.DeviceID
	}
	if r.Replaces != nil {
		out.Replaces = *r.Replaces
	}
	switch {
	case r.SettledAt != nil:
		out.Outcome = models.OutcomeOf(r.ErrorCode)
	case up.CutOrdinal != nil && r.Ordinal > *up.CutOrdinal:
		out.Outcome = models.OutcomeOf(models.OutcomeConsentLimit)
		out.SettledAt = up.AcceptedAt
		out.Sentence = "The device limit of the customer's consent was reached before this row. Ask the customer to widen it, then send the row again."
	default:
		out.Sentence = ""
		return out, unpack(r, &out)
	}
	out.State = models.UploadFinished
	if out.Outcome.Code != models.OutcomeRegistered {
		out.State = models.UploadFinishedWithErrors
	}
	if out.Sentence == "" {
		out.Sentence = out.Outcome.Sentence
	}
	return out, unpack(r, &out)
}

func unpack(r models.UploadRow, out *RowStatus) error {
	if r.OrderData != nil {
		if err := json.Unmarshal([]byte(*r.OrderData), &out.Order); err != nil {
			return err
		}
	}
	if r.Warnings != nil {
		return json.Unmarshal([]byte(*r.Warnings), &out.Warnings)
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
