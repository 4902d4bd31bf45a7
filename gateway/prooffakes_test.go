package gateway_test

import (
	"context"
	"iter"
	"time"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/internal/ledger"
	"countersign/models"
)

// proofFields are the functions behind receipts and events.
type proofFields struct {
	receipt func(consent.Actor, string, int64) (consent.Receipt, error)
	places  func(consent.Actor, []models.ConsentEvent) (map[int64]consent.Place, error)
	basis   func(consent.Actor, models.GrantID, time.Time) (*consent.Basis, error)
	events  func(chain string, after int64, limit int) ([]ledger.Item, error)
	await   func(ctx context.Context, chain string, after int64) error
}

type proofs struct{ *edge }

func (p proofs) Receipt(_ context.Context, who consent.Actor, id string, seq int64) (consent.Receipt, error) {
	if p.receipt == nil {
		return consent.Receipt{}, errUnexpected
	}
	return p.receipt(who, id, seq)
}

func (p proofs) Places(_ context.Context, who consent.Actor, events []models.ConsentEvent) (map[int64]consent.Place, error) {
	if p.places == nil {
		return nil, nil
	}
	return p.places(who, events)
}

func (p proofs) BasisAt(_ context.Context, who consent.Actor, grant models.GrantID, at time.Time) (*consent.Basis, error) {
	if p.basis == nil {
		return nil, errUnexpected
	}
	return p.basis(who, grant, at)
}

type feed struct{ *edge }

func (f feed) Page(_ context.Context, chain string, after int64, limit int) ([]ledger.Item, error) {
	if f.events == nil {
		return nil, errUnexpected
	}
	return f.events(chain, after, limit)
}

func (f feed) Await(ctx context.Context, chain string, after int64) error {
	if f.await == nil {
		return errUnexpected
	}
	return f.await(ctx, chain, after)
}

// uploadStatus is an upload that was accepted now.
func uploadStatus(intake.Scope, models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
	return intake.UploadStatus{Upload: models.Upload{AcceptedAt: &now}}, nil, nil
}
