package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

// credential is what an operator hands out.
type credential struct {
	ID     string `json:"clientId"`
	Secret string `json:"clientSecret"`
}

// people are a reseller and a customer of a site, with a client each.
type people struct {
	t         *testing.T
	site      *site
	partner   string
	tenant    string
	reseller  credential
	customer  credential
	devices   *hardwarehash.Generator
	batchName int
}

func newPeople(t *testing.T, s *site) *people {
	t.Helper()
	p := &people{t: t, site: s, devices: hardwarehash.NewGenerator(99)}
	var made struct{ ID string }
	s.admin(&made, "partner", "create", "--kind", "direct_reseller", "--name", "Northwind Devices")
	p.partner = made.ID
	s.admin(&p.reseller, "client", "create", "--partner", p.partner, "--name", "warehouse")
	p.tenant, p.customer = p.newTenant("Fabrikam")
	return p
}

func (p *people) newTenant(name string) (string, credential) {
	p.t.Helper()
	var made struct{ ID string }
	var c credential
	p.site.admin(&made, "tenant", "create", "--name", name)
	p.site.admin(&c, "client", "create", "--tenant", made.ID, "--name", "IT", "--can-decide")
	return made.ID, c
}

// as speaks to a replica with a credential. It never repeats a call by itself:
// a story says when it does.
func (p *people) as(r *replica, c credential) *client.Client {
	p.t.Helper()
	cl, err := client.New(client.Config{BaseURL: r.url, Credentials: client.Secret(c.ID, c.Secret), Patience: -1})
	if err != nil {
		p.t.Fatal(err)
	}
	return cl
}

// agree asks and grants consent between the reseller and a tenant.
func (p *people) agree(r *replica, tenant string, customer credential) string {
	p.t.Helper()
	ask, err := p.as(r, p.reseller).RequestConsent(p.t.Context(), wire.ConsentAsk{
		Tenant: tenant, Purpose: "roll-out", Scopes: []string{"devices.register", "devices.remove"},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	grant, err := p.as(r, customer).GrantConsent(p.t.Context(), ask.ID, wire.ConsentTerms{})
	if err != nil {
		p.t.Fatal(err)
	}
	return grant.ID
}

// delivery is an upload that can be sent any number of times.
type delivery struct {
	client.Submission
	rows  int
	batch string // its name
}

// delivery makes a batch of n invented devices.
func (p *people) delivery(tenant string, n int) delivery {
	p.t.Helper()
	p.batchName++
	type device struct{ HardwareHash string }
	body := struct {
		BatchID string `json:"BatchId"`
		Devices []device
	}{BatchID: fmt.Sprintf("batch %d", p.batchName)}
	for range n {
		body.Devices = append(body.Devices, device{p.devices.Next().Hash()})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return delivery{client.Submission{
		Tenant: tenant, RequestID: client.NewRequestID(), Body: client.BytesBody("application/json", raw),
	}, n, body.BatchID}
}

func (p *people) send(cl *client.Client, d delivery) client.Receipt {
	p.t.Helper()
	receipt, err := cl.Submit(p.t.Context(), d.Submission)
	if err != nil {
		p.t.Fatal(err)
	}
	return receipt
}

// outcome waits until an upload is finished and returns its rows.
func (p *people) outcome(cl *client.Client, tenant, tracking string, atMost time.Duration) wire.BatchUploadDetails {
	p.t.Helper()
	return awaitOutcome(p.t, cl, tenant, tracking, atMost)
}

func awaitOutcome(t *testing.T, cl *client.Client, tenant, tracking string, atMost time.Duration) wire.BatchUploadDetails {
	t.Helper()
	var last wire.BatchUploadDetails
	await(t, atMost, "upload "+tracking+" to finish", func(ctx context.Context) bool {
		status, err := cl.BatchJobStatus(ctx, tenant, tracking)
		if err != nil {
			return false // a server may be down in between
		}
		last = status
		return status.Status == "finished" || status.Status == "finished_with_errors"
	})
	return last
}

// codeOf is a row's error code, empty when it was registered.
func codeOf(d wire.DeviceUploadDetails) string {
	if d.ErrorCode == nil {
		return ""
	}
	return *d.ErrorCode
}
