package intake

import (
	"context"
	"time"

	"countersign/models"
)

// Foreseen counts what an upload would become.
type Foreseen struct {
	Rows      int
	WouldFail int // rows that would end with an error
}

// Foresee says what Accept would make of an upload, row by row in input order, and leaves
// nothing behind but the budget it spent and what was learned by guessing. Whatever would
// refuse the call refuses this one, too. Each row is handed to each as it would end, a
// registered one without a device id; an error of each ends it. Rows of an upload larger
// than SmallRows are staged and deleted.
//
// It is what would happen at this moment. Two rows that are one device without being
// alike are judged apart when more than models.DispatchRows rows lie between them.
func (s *Service) Foresee(ctx context.Context, call Call, src Source, each func(RowStatus) error) (Foreseen, error) {
	call.Key = "" // nothing is carried out that a repeat could find
	seen, err := s.foresee(ctx, call, src, each)
	if err == nil {
		s.log.InfoContext(ctx, "an upload was only validated", "partner", call.PartnerID, "tenant", call.Tenant,
			"client", call.ClientID, "rows", seen.Rows, "would_fail", seen.WouldFail)
	}
	return seen, surface(err)
}

func (s *Service) foresee(ctx context.Context, call Call, src Source, each func(RowStatus) error) (Foreseen, error) {
	cl, err := s.begin(ctx, call, models.UploadRegister)
	if err != nil {
		return Foreseen{}, err
	}
	col := s.collector(cl)
	defer func() { s.discard(ctx, col) }()
	if err := col.read(ctx, src); err != nil {
		return Foreseen{}, err
	}
	cl.upload, cl.rows, cl.tally = col.upload, col.held, col.tally
	if err := s.foreseeBatch(ctx, cl, src); err != nil {
		return Foreseen{}, err
	}
	if _, err := s.budget.Spend(ctx, call.PartnerID, call.Tenant, cl.tally.rows); err != nil {
		return Foreseen{}, budgetRefusal(err)
	}
	return s.foreseeRows(ctx, cl, each)
}

// foreseeBatch looks at a batch that only the body names.
func (s *Service) foreseeBatch(ctx context.Context, cl *closing, src Source) error {
	if cl.noBatch || cl.name != "" {
		return nil
	}
	return s.earlyBatch(ctx, cl, src.BatchName())
}

func (s *Service) foreseeRows(ctx context.Context, cl *closing, each func(RowStatus) error) (Foreseen, error) {
	up, out := cl.upload, Foreseen{Rows: cl.tally.rows}
	for after := 0; after < cl.tally.rows; after += models.DispatchRows {
		// Again for each part, as the forwarder would: consent may end in the middle.
		permit, err := s.consent.Check(ctx, cl.ask)
		if err != nil {
			return out, err
		}
		if after == 0 {
			if _, err := cl.settle(&up, permit.Left, permit.Now); err != nil {
				return out, err
			}
		}
		part, err := s.partOf(ctx, cl, up, after)
		if err != nil {
			return out, err
		}
		if err := s.rehearse(ctx, cl, up, permit, part); err != nil {
			return out, err
		}
		for _, row := range part {
			seen, err := status(up, row.UploadRow)
			if err != nil {
				return out, err
			}
			if seen.Outcome.Code != models.OutcomeRegistered {
				out.WouldFail++
			}
			if err := each(seen); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// foreseenRow is a row with what goes to the core.
type foreseenRow struct {
	models.UploadRow
	hash []byte
}

// partOf is a part of the upload from behind an ordinal on, wherever its rows are.
func (s *Service) partOf(ctx context.Context, cl *closing, up models.Upload, after int) ([]foreseenRow, error) {
	if up.ID != 0 {
		return s.store.stagedRows(ctx, up, after, models.DispatchRows)
	}
	rows := cl.rows[after:min(after+models.DispatchRows, len(cl.rows))]
	out := make([]foreseenRow, len(rows))
	for i, r := range rows {
		row, err := r.stored(up.CreatedAt)
		if err != nil {
			return nil, err
		}
		out[i] = foreseenRow{row, r.identity.Hash}
	}
	return out, nil
}

// rehearse puts the core's verdicts on the rows of a part that would be forwarded.
func (s *Service) rehearse(ctx context.Context, cl *closing, up models.Upload, permit Permit, part []foreseenRow) error {
	sub := models.Submission{Upload: up.TrackingID, Authority: cl.authority(permit)}
	at := map[int]int{}
	for i, row := range part {
		if behind := up.CutOrdinal != nil && row.Ordinal > *up.CutOrdinal; behind || row.SettledAt != nil {
			continue
		}
		core, err := row.coreRow()
		if err != nil {
			return err
		}
		at[row.Ordinal] = i
		sub.Rows = append(sub.Rows, core)
	}
	if len(sub.Rows) == 0 {
		return nil
	}
	res, err := s.core.Rehearse(ctx, sub)
	if err != nil {
		return err
	}
	if res.Refusal != nil || len(res.Answers) != len(sub.Rows) {
		return ErrNotForeseen.WithRetryAfter(soon)
	}
	for _, a := range res.Answers {
		row := &part[at[a.Row]]
		row.SettledAt, row.ErrorCode, row.Detail = &permit.Now, a.Code, a.Detail
	}
	return s.learned(ctx, cl.call, sub.Rows, res.Answers)
}

// learned counts what the answers told a partner, as those of a real upload are.
func (s *Service) learned(ctx context.Context, call Call, rows []models.CoreRow, answers []models.Answer) error {
	if call.byOwner() {
		return nil
	}
	misses, claims := models.Learned(rows, answers)
	if misses+claims == 0 {
		return nil
	}
	return s.probing.Count(ctx, call.PartnerID, misses, claims)
}

// authority is who would register the devices, and until when.
func (cl *closing) authority(p Permit) models.Authority {
	kind := models.ByGrant
	if cl.call.byOwner() {
		kind = models.ByTenant
	}
	return models.Authority{
		Kind: kind, PartnerID: cl.call.PartnerID, ClientID: cl.call.ClientID, TenantID: cl.call.Tenant, GrantID: p.Grant,
		Epochs: p.Epochs, NotAfter: p.NotAfter(), Manufacturers: p.Limits.Manufacturers,
	}
}

// stored is the row as it would be written.
func (r checked) stored(now time.Time) (models.UploadRow, error) {
	out := models.UploadRow{Ordinal: r.ordinal, HashDigest: r.digest}
	for _, cell := range []struct {
		into **string
		text string
	}{
		{&out.SerialNumber, r.identity.SerialNumber},
		{&out.ProductKey, r.identity.ProductKey},
		{&out.Manufacturer, r.identity.Manufacturer},
		{&out.Model, r.identity.Model},
	} {
		if cell.text != "" {
			*cell.into = &cell.text
		}
	}
	order, err := orderJSON(r.order)
	if err != nil {
		return out, err
	}
	warnings, err := warningsJSON(r.warnings)
	if err != nil {
		return out, err
	}
	if text, ok := order.(string); ok {
		out.OrderData = &text
	}
	if text, ok := warnings.(string); ok {
		out.Warnings = &text
	}
	if r.verdict != nil {
		out.SettledAt, out.ErrorCode, out.Detail = &now, r.verdict.code, r.verdict.detail
	}
	return out, nil
}

func (r foreseenRow) coreRow() (models.CoreRow, error) {
	out := models.CoreRow{Row: r.Ordinal, Identity: models.DeviceIdentity{
		SerialNumber: text(r.SerialNumber), ProductKey: text(r.ProductKey),
		Manufacturer: text(r.Manufacturer), Model: text(r.Model), Hash: r.hash,
	}}
	var seen RowStatus
	err := unpack(r.UploadRow, &seen)
	out.Order = seen.Order
	return out, err
}
