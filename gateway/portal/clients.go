package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

// clientList is the OAuth clients of the tenant, and the form for a new one.
type clientList struct {
	Clients  []models.OAuthClient
	More     string
	Choices  []clientScope
	Name     string // as it was filled in
	Problems []problem
}

// clientScope is one thing that a client can be allowed. Nothing is chosen before.
type clientScope struct {
	Scope  string
	Chosen bool
	Speaks bool // it lets the client speak for the organisation
}

// Key is the scope as the messages name it.
func (c clientScope) Key() string { return scopeKey(c.Scope) }

func scopeKey(scope string) string { return strings.ReplaceAll(scope, ".", "_") }

// Rights are what can be taken from a client: what lets it speak for the organisation.
func (clientList) Rights(client models.OAuthClient) []clientScope {
	var rights []clientScope
	for _, scope := range models.SpeakingScopes() {
		if client.HasScope(scope) {
			rights = append(rights, clientScope{Scope: scope, Speaks: true})
		}
	}
	return rights
}

// For returns what is wrong with a field.
func (l clientList) For(field string) string { return termsForm{Problems: l.Problems}.For(field) }

func (v *visit) listClients() error { return v.clientsPage(http.StatusOK, clientList{}, nil) }

func (v *visit) clientsPage(status int, list clientList, chosen []string) error {
	found, next, err := v.Clients.Clients(v.r.Context(), partners.ClientFilter{
		Owner: models.OwnerTenant, TenantID: v.session.Person.TenantID,
		Page: partners.Page{Cursor: v.r.URL.Query().Get("after"), Limit: listPage},
	})
	if err != nil {
		return err
	}
	list.Clients, list.More = found, v.more(next)
	for _, scope := range authz.AllowedScopes(models.OwnerTenant) {
		list.Choices = append(list.Choices, clientScope{scope, slices.Contains(chosen, scope), slices.Contains(models.SpeakingScopes(), scope)})
	}
	v.show(status, "clients", v.T("clients.title"), list)
	return nil
}

// newClient is a client that has just been made, with the secret that is shown this once.
type newClient struct {
	models.OAuthClient
	Secret string
}

// makeClient makes a client. Its secret stands in the answer itself and nowhere else: a
// redirect would have to keep it somewhere until the next call.
func (v *visit) makeClient() error {
	chosen := v.form["scope"]
	made, secret, err := v.Setup.NewClient(v.r.Context(), v.by(), v.session.Person.TenantID, models.NewTenantClient{Name: v.field("name"), Scopes: chosen})
	if err == nil {
		v.show(http.StatusCreated, "client", v.T("client.title"), newClient{made, secret})
		return nil
	}
	e := errs.From(err)
	if e.Kind != errs.Invalid || len(e.Fields) == 0 {
		return fresh(err)
	}
	list := clientList{Name: v.field("name")}
	for _, f := range e.Fields {
		name := "scope"
		if f.Name == "name" {
			name = "name"
		}
		list.Problems = append(list.Problems, problem{name, v.T("clients.wrong." + name)})
	}
	return v.clientsPage(http.StatusBadRequest, list, chosen)
}

// takeRight takes from a client what lets it speak for the organisation, at once.
func (v *visit) takeRight() error {
	err := v.Setup.TakeRight(v.r.Context(), v.by(), v.session.Person.TenantID, models.ClientID(v.params["client"]), v.field("scope"))
	if errors.Is(err, partners.ErrClientNotFound) {
		return errNoPage.WithCause(err)
	}
	return v.setUpChanged("right_taken", clientsPath, err)
}
