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
		uploads.open_rows, uploads.error_rows, uploads.request_id, uploads.correlation_id, uploads.report_id, uploads.voids, uploads.created_at,
		uploads.accepted_at, uploads.started_at, uploads.completed_at, coalesce(batches.name, '') AS batch_name`
	deviceColumns = `upload_rows.upload_id, upload_rows.ordinal, upload_rows.serial_number, upload_rows.product_key,
		upload_rows.manufacturer, upload_rows.model, upload_rows.settled_at, upload_rows.error_code, upload_rows.device_id`
)

// condition puts the filter into words of SQL. The scope narrows the uploads anyway; a
// look-up by reference repeats it, because its index begins with the owner.
func (f UploadFilter) condition(scope Scope) condition {
	all := []string{"1 = 1"}
	var args []any
	add := func(sql string, arg ...any) { all, args = append(all, sql), append(args, arg...) }
	for _, equal := range []struct{ column, value string }{
		{"state", string(f.State)},
		{"kind", string(f.Kind)},
		{"request_id", f.RequestID},
		{"correlation_id", f.CorrelationID},
		{"report_id", f.ReportID},
	} {
		if equal.value != "" {
			add("uploads."+equal.column+" = ?", equal.value)
		}
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
	if f.Order != "" {
		where, of := "digest = ?", []any{referenceDigest(f.Order)}
		if scope.Partner != "" {
			where, of = where+" AND partner_id = ?", append(of, scope.Partner)
		}
		if scope.Tenant != "" {
			where, of = where+" AND tenant_id = ?", append(of, scope.Tenant)
		}
		add("uploads.id IN (SELECT upload_id FROM upload_references WHERE "+where+")", of...)
	}
	return condition{strings.Join(all, " AND "), args}
}

// condition puts the filter into words of SQL, as status computes what it asks for.
func (f RowFilter) condition(cut *int) (condition, error) {
	out, err := ofClass(f.Class, cut)
	if err != nil {
		return out, err
	}
	and := func(sql string, args ...any) {
		if out.sql != "" {
			sql = out.sql + " AND " + sql
		}
		out.sql, out.args = sql, append(out.args, args...)
	}
	if f.ErrorCode != "" {
		byCode := ofCodes([]string{string(f.ErrorCode)}, f.ErrorCode == models.OutcomeConsentLimit, cut)
		and(byCode.sql, byCode.args...)
	}
	if f.SerialNumber != "" {
		and("serial_number = ?", f.SerialNumber)
	}
	if f.ProductKey != "" {
		and("product_key = ?", f.ProductKey)
	}
	return out, nil
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
		if o.Class == class || class == FailedRows && o.Class != models.ClassDone {
			wanted = append(wanted, string(o.Code))
		}
	}
	if len(wanted) == 0 && class != models.ClassAskOperator {
		return condition{}, ErrOutcomeClass.WithDetail("There is no outcome class %q.", sentence(string(class)))
	}
	beyondCut := class == FailedRows || class == models.OutcomeOf(models.OutcomeConsentLimit).Class
	out := ofCodes(append(wanted, "none"), beyondCut, cut)
	if class == FailedRows || class == models.OutcomeOf("a code of a newer core").Class {
		out.sql = "(" + out.sql + " OR (settled_at IS NOT NULL AND error_code NOT IN ?))"
		out.args = append(out.args, known)
	}
	return out, nil
}

// ofCodes selects settled rows by their codes and, on demand, rows behind the cut, which
// have their outcome without having it stored.
func ofCodes(codes []string, beyondCut bool, cut *int) condition {
	out := condition{"(settled_at IS NOT NULL AND error_code IN ?)", []any{codes}}
	if cut != nil && beyondCut {
		out.sql = "(" + out.sql + " OR (settled_at IS NULL AND ordinal > ?))"
		out.args = append(out.args, *cut)
	}
	return out
}
