package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"countersign/gateway/wire"
)

const clientsPath = "/v1/clients"

// OwnClients lists the caller's OAuth clients (partners with clients.manage).
func (c *Client) OwnClients(ctx context.Context) iter.Seq2[wire.OwnClient, error] {
	return items[wire.OwnClient](ctx, c, clientsPath, nil)
}

// OwnClient reads one, with the times of its secrets.
func (c *Client) OwnClient(ctx context.Context, id string) (wire.OwnClient, error) {
	var one wire.OwnClient
	err := c.getJSON(ctx, call{path: clientsPath + join(id)}, &one)
	return one, err
}

// NewOwnClient makes one; the answer holds its secret, if it has one, this once.
func (c *Client) NewOwnClient(ctx context.Context, in wire.NewOwnClient) (wire.OwnClient, error) {
	return changed[wire.OwnClient](ctx, c, call{path: clientsPath}, in)
}

// RotateSecret gives a client a new secret, returned this once; the newest of the former ones
// stays valid for overlap, in whole hours.
func (c *Client) RotateSecret(ctx context.Context, id string, overlap time.Duration) (string, error) {
	hours := int(overlap / time.Hour)
	out, err := changed[wire.NewSecret](ctx, c, call{path: clientsPath + join(id, "secret")}, wire.SecretRotation{OverlapHours: &hours})
	return out.Secret, err
}

// SetKeys replaces the public keys, or the certificates, of a client.
func (c *Client) SetKeys(ctx context.Context, id string, keys wire.ClientKeys) (wire.OwnClient, error) {
	return changed[wire.OwnClient](ctx, c, call{method: http.MethodPut, path: clientsPath + join(id, "keys"), repeatable: true}, keys)
}

// FreezeClient stops one client at once; UnfreezeClient lets it work again.
func (c *Client) FreezeClient(ctx context.Context, id string) (wire.OwnClient, error) {
	return changed[wire.OwnClient](ctx, c, call{path: clientsPath + join(id, "freeze")}, struct{}{})
}

// UnfreezeClient lets a client work again that its owner has frozen.
func (c *Client) UnfreezeClient(ctx context.Context, id string) (wire.OwnClient, error) {
	return changed[wire.OwnClient](ctx, c, call{path: clientsPath + join(id, "unfreeze")}, struct{}{})
}
