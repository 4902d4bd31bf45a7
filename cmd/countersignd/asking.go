package main

import (
	"context"
	"errors"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
)

// asking lets intake ask consent in its own words.
type asking struct{ consent *consent.Service }

func (a asking) Check(ctx context.Context, ask intake.Ask) (intake.Permit, error) {
	p, err := a.consent.Check(ctx, consent.Ask(ask))
	return intake.Permit(p), err
}

func (a asking) CheckTx(ctx context.Context, tx *db.Tx, ask intake.Ask) (intake.Permit, error) {
	p, err := a.consent.CheckTx(ctx, tx, consent.Ask(ask))
	return intake.Permit(p), err
}

func (a asking) ReserveTx(ctx context.Context, tx *db.Tx, grant models.GrantID, n int64) error {
	err := a.consent.ReserveTx(ctx, tx, grant, n)
	if errors.Is(err, consent.ErrLimitRaced) {
		return intake.ErrLimitRaced
	}
	return err
}
