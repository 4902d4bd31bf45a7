package intake

import (
	"strings"

	"countersign/models"
)

// condition is a part of a WHERE clause with its arguments.
type condition struct {
	sql  string
	args []any
}

// uploadColumns and deviceColumns are named one by one, so that a column added by a
// newer release does not disturb statements an older one has cached.
const (
	uploadColumns = `uploads.id, uploads.tracking_id, uploads.kind, uploads.partner_id, uploads.tenant_id, uploads.client_id,
		uploads.batch_id, uploads.grant_id, uploads.state, uploads.staged_on, uploads.row_count, uploads.cut_ordinal,
		uploads.open_rows, uploads.error_rows, uploads.request_id, uploads.correlation_id, uploads.created_at,
		uploads.accepted_at, uploads.started_at, uploads.completed_at, coalesce(batches.name, '') AS batch_name`
	deviceColumns = `upload_rows.upload_id, upload_rows.ordinal, upload_rows.serial_number, upload_rows.product_key,
		upload_rows.manufacturer, upload_rows.model, upload_rows.settled_at, upload_rows.error_code, upload_rows.device_id`
)

// condition puts the filter into words of SQL.
func (f UploadFilter) condition() condition {
	all := []string{"1 = 1"}
	var args []any
	add := func(sql string, arg any) { all, args = append(all, sql), append(args, arg) }
	if f.State != "" {
		add("uploads.state = ?", string(f.State))
	}
	if !f.Since.IsZero() {
		add("uploads.accepted_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		add("uploads.accepted_at < ?", f.Until)
	}
	if f.Batch != "" {
		add("batches.folded_name = ?", fold(strings.TrimFunc(f.Batch, blank)))
	}
	return condition{strings.Join(all, " AND "), args}
}

// ofClass selects the rows of an outcome class as status computes it.
func ofClass(class models.OutcomeClass, cut *int) (condition, error) {
	if class == "" {
		return condition{}, nil
	}
	if class == OpenRows {
		if cut == nil {
			return condition{"settled_at IS NULL", nil}, nil
		}
		return condition{"settled_at IS NULL AND ordinal <= ?", []any{*cut}}, nil
	}
	var known, wanted []string
	for _, o := range models.Outcomes() {
		known = append(known, string(o.Code))
		if o.Class == class {
			wanted = append(wanted, string(o.Code))
		}
	}
	if len(wanted) == 0 && class != models.ClassAskOperator {
		return condition{}, ErrOutcomeClass.WithDetail("There is no outcome class %q.", sentence(string(class)))
	}
	out := condition{"(settled_at IS NOT NULL AND error_code IN ?)", []any{append(wanted, "none")}}
	if class == models.OutcomeOf("a code of a newer core").Class {
		out.sql += " OR (settled_at IS NOT NULL AND error_code NOT IN ?)"
		out.args = append(out.args, known)
	}
	if cut != nil && class == models.OutcomeOf(models.OutcomeConsentLimit).Class {
		out.sql += " OR (settled_at IS NULL AND ordinal > ?)"
		out.args = append(out.args, *cut)
	}
	out.sql = "(" + out.sql + ")"
	return out, nil
}
