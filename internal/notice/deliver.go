package notice

import (
	"context"
	"errors"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// deliver sends the mail that is due longest and reports whether another one may be sent
// now: not when there was none, and not when the server would not take it, which the
// others have to wait for as well.
func (s *Service) deliver(ctx context.Context) (worked bool, err error) {
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return false, err
	}
	n, err := s.store.due(ctx, now)
	if err != nil || n == nil {
		return false, err
	}
	claimed, err := s.store.claim(ctx, n, now, now.Add(sendLease))
	if err != nil || !claimed {
		return err == nil, err
	}
	if err := db.RefuseInTx(ctx, "sending mail"); err != nil {
		return false, err
	}
	sending, cancel := context.WithTimeout(ctx, sendLease/2)
	err = s.deps.Carrier.Send(sending, Mail{
		MessageID: n.ID + "@" + s.domain, From: s.deps.From, To: n.Recipient,
		Subject: n.Subject, Text: n.Body, Date: n.CreatedAt,
	})
	cancel()
	var permanent *Permanent
	// What became of a mail is noted even when the process is asked to stop.
	return err == nil || errors.As(err, &permanent), s.note(context.WithoutCancel(ctx), n, now, err)
}

// note writes down what became of a mail. The log names the notice, never a person.
func (s *Service) note(ctx context.Context, n *models.Notice, now time.Time, failure error) error {
	var permanent *Permanent
	switch {
	case failure == nil:
		s.sent.Add(1)
		return s.store.finish(ctx, n, models.NoticeSent, now)
	case errors.As(failure, &permanent), now.Sub(n.CreatedAt) > giveUpAfter:
		s.dead.Add(1)
		s.deps.Logger.WarnContext(ctx, "a mail could not be delivered and is given up", "notice", n.ID, "attempts", n.Attempts)
		return s.store.finish(ctx, n, models.NoticeDead, now)
	}
	s.retried.Add(1)
	s.deps.Logger.InfoContext(ctx, "a mail could not be delivered yet", "notice", n.ID, "attempts", n.Attempts)
	return s.store.again(ctx, n, now.Add(pauseAfter(n.Attempts)))
}

// pauseAfter is how long to wait after so many attempts.
func pauseAfter(attempts int) time.Duration {
	pause := firstPause
	for range attempts - 1 {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}
