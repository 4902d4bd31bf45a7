package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// deliveryOptions are the flags submit and report have in common.
type deliveryOptions struct {
	again      bool
	plain      bool
	noWait     bool
	failedOnly bool
	timeout    time.Duration
	result     string
	order      wire.OrderData
}

func (o *deliveryOptions) bind(flags *pflag.FlagSet) {
	flags.BoolVar(&o.noWait, "no-wait", false, "end once the upload is accepted")
	flags.BoolVar(&o.plain, "uncompressed", false, "send a file of more than 64 KiB as it is, not packed with zstd")
	flags.BoolVar(&o.failedOnly, "failed-only", false, "leave the rows that are done out of the result")
	flags.DurationVar(&o.timeout, "wait-timeout", 0, "most time to wait for the outcomes (default no end)")
	for name, into := range map[string]*string{
		"purchase-order": &o.order.PurchaseOrder, "order-number": &o.order.OrderNumber, "order-line": &o.order.OrderLine,
		"delivery-note": &o.order.DeliveryNote, "ship-date": &o.order.ShipDate, "group-tag": &o.order.GroupTag,
		"customer-reference": &o.order.CustomerReference,
	} {
		flags.StringVar(into, name, "", "for rows that state none of their own")
	}
}

// worthPacking is the size from which a body is sent packed.
const worthPacking = 64 << 10

// packed packs a body on its way unless it is small or is to be sent as it is.
func (o *deliveryOptions) packed(body client.Body) client.Body {
	if o.plain || body.Size < worthPacking {
		return body
	}
	return body.Compressed()
}

// orderData is the order data given with the call, as books keep it.
func (o *deliveryOptions) orderData() map[string]string {
	order := map[string]string{}
	for name, value := range map[string]string{
		"purchaseOrder": o.order.PurchaseOrder, "orderNumber": o.order.OrderNumber, "orderLine": o.order.OrderLine,
		"deliveryNote": o.order.DeliveryNote, "shipDate": o.order.ShipDate, "groupTag": o.order.GroupTag,
		"customerReference": o.order.CustomerReference,
	} {
		if value != "" {
			order[name] = value
		}
	}
	return order
}

// waiter paces the looks at an upload within --wait-timeout, counted from now.
func (o *deliveryOptions) waiter(a *app) *waiter {
	w := &waiter{first: a.poll}
	if o.timeout > 0 {
		w.until = time.Now().Add(o.timeout)
	}
	return w
}

// settled looks at an upload until every row has an outcome or time is up. look is
// told what was seen.
func settled(ctx context.Context, c *client.Client, w *waiter, tracking string, look func(wire.Upload)) (wire.Upload, error) {
	w.next = 0
	for asked := 1; ; asked++ {
		upload, err := c.Upload(ctx, client.Owner{}, tracking)
		if err != nil || finished(upload) {
			return upload, err
		}
		look(upload)
		if asked == looksBeforeStream {
			if followed, err := w.follow(ctx, c, tracking, look); err == nil {
				return followed, nil
			} // else it is asked for as before: an older gateway, a proxy that keeps streams back
		}
		if more, err := w.pause(ctx); err != nil || !more {
			return upload, err
		}
	}
}

// looksBeforeStream are the looks at an upload that most small ones are finished within.
const looksBeforeStream = 4

// follow waits for an upload by its stream, no longer than the waiter may.
func (w *waiter) follow(ctx context.Context, c *client.Client, tracking string, look func(wire.Upload)) (wire.Upload, error) {
	if !w.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.until)
		defer cancel()
	}
	return c.FollowUpload(ctx, client.Owner{}, tracking, look)
}

func finished(u wire.Upload) bool {
	return u.State == "finished" || u.State == "finished_with_errors"
}

// continues tells a failure after which the same command goes on, and where it is
// written how far it came.
func continues(err error, book string) error {
	if code := exitCode(err); code != exitUnreachable && code != exitInterrupted {
		return err
	}
	return &pendingError{err, fmt.Sprintf("Nothing is lost: the request id is kept in %s. Run the same command again to continue.", book)}
}

// deliver makes what submit and report need to reach the gateway.
func (a *app) deliver() (*delivery, error) {
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	c, err := a.clientFor(p)
	if err != nil {
		return nil, err
	}
	return &delivery{app: a, client: c, clientID: p.ClientID}, nil
}

// delivery is who sends and over what.
type delivery struct {
	app      *app
	client   *client.Client
	clientID string
}

// takeAll takes the files, or folders, one after the other through one, and ends
// with the gravest of their codes. When the gateway is away the rest is not tried.
func takeAll[T any](a *app, all []T, one func(T) (code int, failed bool)) error {
	code := exitDone
	for i, each := range all {
		got, failed := one(each)
		code = worse(code, got)
		if failed && (got == exitUnreachable || got == exitInterrupted) {
			if rest := len(all) - i - 1; rest > 0 {
				a.say("Files not tried: %d", rest)
			}
			break
		}
	}
	if code != exitDone {
		return &outcomeError{code}
	}
	return nil
}
