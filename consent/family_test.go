package consent

import (
	"context"
	"slices"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// chain is a reseller with a grant of the world's tenant and its linked provider.
type chain struct {
	*world
	reseller, provider Actor
	link               models.PartnerLink
	parent, child      models.Grant
}

func (w *world) kind(t *testing.T, partner models.PartnerID, kind models.PartnerKind) {
	t.Helper()
	w.exec(t, "UPDATE partners SET kind = ? WHERE id = ?", kind, partner)
}

func (w *world) linked(t *testing.T, reseller, provider Actor) models.PartnerLink {
	t.Helper()
	w.kind(t, reseller.PartnerID, models.IndirectReseller)
	w.kind(t, provider.PartnerID, models.IndirectProvider)
	link, err := w.MakeLink(t.Context(), reseller, provider.PartnerID)
	if err != nil {
		t.Fatal(err)
	}
	if link, err = w.AcceptLink(t.Context(), provider, link.ID); err != nil {
		t.Fatal(err)
	}
	return link
}

func newChain(t *testing.T, w *world, limit int64) *chain {
	t.Helper()
	c := &chain{world: w, reseller: w.byFirm, provider: w.addPartner(t, "Distributor")}
	c.link = w.linked(t, c.reseller, c.provider)
	c.parent = w.granted(t, limit)
	children, err := w.rows(t.Context()).liveChildren(c.parent.ID)
	if err != nil || len(children) != 1 {
		t.Fatalf("derived grants %+v, %v", children, err)
	}
	c.child = children[0]
	return c
}

// asks is the provider's question at the gate.
func (c *chain) asks() Ask { return c.askOf(c.provider) }

func (w *world) askOf(partner Actor) Ask {
	ask := w.ask
	ask.Partner, ask.Client = partner.PartnerID, models.ClientID(partner.ID)
	return ask
}

// eachChain runs fn on both databases.
func eachChain(t *testing.T, limit int64, fn func(t *testing.T, c *chain)) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) { fn(t, newChain(t, w, limit)) })
}

// A yes covers who was named to the person, and nobody that was linked afterwards.
func TestAYesLetsInOnlyThoseItWasReadWith(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		first, second := w.addPartner(t, "Distributor"), w.addPartner(t, "Latecomer")
		w.linked(t, w.byFirm, first)
		request := w.request(t)
		read := func(what string, want ...string) Promise {
			t.Helper()
			asked, err := w.Asked(t.Context(), w.byCust, request)
			if err != nil || !slices.Equal(asked.Others, want) || len(Wording("en", asked).Others) != len(want) {
				t.Fatalf("%s: %+v, %v", what, asked, err)
			}
			return asked
		}
		early := read("with one provider", "Distributor")
		w.linked(t, w.byFirm, second)
		yes := func(asked Promise) error {
			_, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{Shown: Reading{Language: "de", Digest: Wording("de", asked).Digest()}})
			return err
		}
		wantErr(t, yes(early), ErrWordsChanged)
		if _, err := w.Block(t.Context(), w.byCust, first.PartnerID, Blocking{}); err != nil {
			t.Fatal(err)
		}
		if err := yes(read("with the other provider", "Latecomer")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.checkTx(t.Context(), w.askOf(second)); err != nil {
			t.Errorf("the provider that was named: %v", err)
		}
		_, err := w.checkTx(t.Context(), w.askOf(first))
		wantErr(t, err, ErrNoConsent)
	})
}

func TestAGiftLetsInOnlyThoseItWasReadWith(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ada := w.person(t, w.byCust.TenantID, models.PersonAdmin)
		offered, err := w.Offered(t.Context(), ada, w.byFirm.PartnerID)
		if err != nil || len(offered.Others) != 0 {
			t.Fatalf("offered %+v, %v", offered, err)
		}
		w.linked(t, w.byFirm, w.addPartner(t, "Distributor"))
		gift := Gift{Partner: w.byFirm.PartnerID, Scopes: GrantScopes(), Shown: Reading{Seen: Wording("en", offered).Digest()}}
		_, err = w.Give(t.Context(), ada, gift)
		wantErr(t, err, ErrWordsChanged)
		if offered, err = w.Offered(t.Context(), ada, w.byFirm.PartnerID); err != nil {
			t.Fatal(err)
		}
		gift.Shown.Seen = Wording("en", offered).Digest()
		if _, err := w.Give(t.Context(), ada, gift); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAProviderActsUnderItsResellersGrant(t *testing.T) {
	eachChain(t, 10, func(t *testing.T, c *chain) {
		if c.child.PartnerID != c.provider.PartnerID || *c.child.DerivedFrom != c.parent.ID || *c.child.LinkID != c.link.ID ||
			c.child.TenantID != c.parent.TenantID || c.child.Scopes != c.parent.Scopes || c.child.DeviceLimit != nil {
			t.Fatalf("derived grant %+v", c.child)
		}
		permit, err := c.checkTx(t.Context(), c.asks())
		if err != nil || permit.Grant != c.child.ID || permit.Root != c.parent.ID || *permit.Left != 10 {
			t.Fatalf("permit %+v, %v", permit, err)
		}
		want := []models.SubjectEpoch{
			{Kind: models.SubjectOfPartner, ID: string(c.provider.PartnerID), Epoch: 1},
			{Kind: models.SubjectOfClient, ID: c.provider.ID, Epoch: 1},
			{Kind: models.SubjectOfTenant, ID: string(c.parent.TenantID), Epoch: 1},
			{Kind: models.SubjectOfGrant, ID: string(c.child.ID), Epoch: 1},
			{Kind: models.SubjectOfPartner, ID: string(c.reseller.PartnerID), Epoch: 1},
			{Kind: models.SubjectOfGrant, ID: string(c.parent.ID), Epoch: 1},
		}
		if !slices.Equal(permit.Epochs, want) {
			t.Errorf("epochs %+v", permit.Epochs)
		}
	})
}

// The counters are shared: what the provider takes, the reseller has no more.
func TestADerivedGrantSharesTheCounters(t *testing.T) {
	eachChain(t, 10, func(t *testing.T, c *chain) {
		take := func(ask Ask, n int64) error {
			return c.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				permit, err := c.CheckTx(ctx, tx, ask)
				if err != nil {
					return err
				}
				return c.ReserveTx(ctx, tx, permit, n)
			})
		}
		if err := take(c.asks(), 6); err != nil {
			t.Fatal(err)
		}
		wantErr(t, take(c.ask, 5), ErrLimitRaced)
		if err := take(c.ask, 3); err != nil {
			t.Fatal(err)
		}
		wantErr(t, take(c.asks(), 2), ErrLimitRaced)
		permit, err := c.checkTx(t.Context(), c.asks())
		if err != nil || *permit.Left != 1 {
			t.Fatalf("permit %+v, %v", permit, err)
		}
		c.inTx(t, func(ctx context.Context, tx *db.Tx) error {
			return c.SettleTx(ctx, tx, Settlement{Permit: permit, Version: 1, Used: 4, Released: 2})
		})
		parent, child := c.readGrant(t, c.parent.ID), c.readGrant(t, c.child.ID)
		if parent.DevicesUsed != 4 || parent.DevicesReserved != 3 || child.DevicesUsed != 4 || child.DevicesReserved != 0 {
			t.Errorf("parent %d and %d, child %d and %d", parent.DevicesUsed, parent.DevicesReserved, child.DevicesUsed, child.DevicesReserved)
		}
	})
}

// What stops the one it rests on stops the derived grant, at the gate and in the core.
func TestADerivedGrantStandsNoBetterThanItsParent(t *testing.T) {
	eachChain(t, 0, func(t *testing.T, c *chain) {
		if _, err := c.Suspend(t.Context(), c.byCust, c.parent.ID, ""); err != nil {
			t.Fatal(err)
		}
		c.refusedBoth(t, c.asks(), ErrSuspended)
		if _, err := c.Resume(t.Context(), c.byCust, c.parent.ID, ""); err != nil {
			t.Fatal(err)
		}
		if permit, err := c.checkTx(t.Context(), c.asks()); err != nil || permit.Epochs[5].Epoch != 3 {
			t.Errorf("permit %+v, %v", permit, err)
		}
		c.amended(t, c.parent.ID, Amendment{Scopes: []string{GrantScopeDevicesRegister}, Limits: Limits{GroupTags: []string{"Sales"}}})
		remove := c.asks()
		remove.Scope = GrantScopeDevicesRemove
		c.refusedBoth(t, remove, ErrScopeMissing)
		if permit, err := c.checkTx(t.Context(), c.asks()); err != nil || !slices.Equal(permit.Limits.GroupTags, []string{"Sales"}) {
			t.Errorf("permit %+v, %v", permit, err)
		}
		c.exec(t, "UPDATE partners SET state = 'suspended' WHERE id = ?", c.reseller.PartnerID)
		c.refusedBoth(t, c.asks(), ErrPartnerSuspended)
	})
}

func TestADerivedGrantIsStoppedOnItsOwn(t *testing.T) {
	eachChain(t, 0, func(t *testing.T, c *chain) {
		_, err := c.Amend(t.Context(), c.byCust, c.child.ID, Amendment{Limits: Limits{Devices: ptr(int64(1))}})
		wantFault(t, err, "deviceLimit")
		if got, err := c.Revoke(t.Context(), c.byCust, c.child.ID, ""); err != nil || !got.Done {
			t.Fatalf("revoke %+v, %v", got, err)
		}
		c.refusedBoth(t, c.asks(), ErrNoConsent)
		if _, err := c.checkTx(t.Context(), c.ask); err != nil {
			t.Errorf("the reseller's own grant: %v", err)
		}
	})
}

// Ending the parent, by whatever way, or the link ends what rests on it in the same
// transaction.
func TestADerivedGrantEndsWithWhatItRestsOn(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, c *chain) models.GrantState{
		"revoked": func(t *testing.T, c *chain) models.GrantState {
			if _, err := c.Revoke(t.Context(), c.byCust, c.parent.ID, ""); err != nil {
				t.Fatal(err)
			}
			return models.GrantRevoking
		},
		"given back": func(t *testing.T, c *chain) models.GrantState {
			if _, err := c.Revoke(t.Context(), c.reseller, c.parent.ID, ""); err != nil {
				t.Fatal(err)
			}
			return models.GrantRevoking
		},
		"expired": func(t *testing.T, c *chain) models.GrantState {
			c.clock.add(defaultGrant)
			if err := c.expireGrant(t.Context(), c.parent.ID); err != nil {
				t.Fatal(err)
			}
			return models.GrantExpired
		},
		"link ended by the reseller": func(t *testing.T, c *chain) models.GrantState {
			if _, err := c.EndLink(t.Context(), c.reseller, c.link.ID, ""); err != nil {
				t.Fatal(err)
			}
			return models.GrantRevoking
		},
		"link ended by an operator": func(t *testing.T, c *chain) models.GrantState {
			if _, err := c.EndLink(t.Context(), c.byOps, c.link.ID, ""); err != nil {
				t.Fatal(err)
			}
			return models.GrantRevoking
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachChain(t, 0, func(t *testing.T, c *chain) {
				c.core.set(down)
				want := end(t, c)
				child := c.readGrant(t, c.child.ID)
				if child.State != want || child.Epoch != 2 || child.EndedBy == nil || c.readFence(t, models.SubjectOfGrant, string(child.ID)).MinEpoch != 2 {
					t.Errorf("derived grant %+v", child)
				}
				c.refusedBoth(t, c.asks(), ErrNoConsent)
				c.core.set(nil)
				c.clock.add(time.Hour)
				c.sweepOnce(t)
				if child = c.readGrant(t, c.child.ID); child.State == models.GrantRevoking {
					t.Errorf("never revoked: %+v", child)
				}
			})
		})
	}
}

func TestWhichGrantAProviderUses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		first := newChain(t, w, 0)
		other := w.addPartner(t, "Second reseller")
		w.linked(t, other, first.provider)
		ask := first.asks()
		if permit, err := w.Check(t.Context(), ask); err != nil || permit.Grant != first.child.ID {
			t.Fatalf("the only one: %+v, %v", permit, err)
		}
		request, err := w.Request(t.Context(), other, w.newRequest())
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		children, err := w.rows(t.Context()).liveChildren(second.ID)
		if err != nil || len(children) != 1 {
			t.Fatalf("derived %+v, %v", children, err)
		}
		w.refusedBoth(t, ask, ErrChooseGrant)
		if _, err := w.Check(t.Context(), ask); !mentions(err, string(first.child.ID)) || !mentions(err, string(children[0].ID)) || mentions(err, string(second.ID)) {
			t.Errorf("the answer lists %v", err)
		}
		named := ask
		named.Grant = children[0].ID
		if permit, err := w.checkTx(t.Context(), named); err != nil || permit.Grant != children[0].ID {
			t.Errorf("the named one: %+v, %v", permit, err)
		}
		named.Grant = second.ID // the reseller's, not the provider's
		w.refusedBoth(t, named, ErrNoConsent)
		mine, err := w.Request(t.Context(), first.provider, w.newRequest())
		if err != nil {
			t.Fatal(err)
		}
		own, err := w.Grant(t.Context(), w.byCust, mine.ID, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		if permit, err := w.checkTx(t.Context(), ask); err != nil || permit.Grant != own.ID {
			t.Errorf("its own: %+v, %v", permit, err)
		}
	})
}

// A provider that is linked after the grant was given waits for the tenant's yes.
func TestALaterProviderWaitsForTheTenant(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.kind(t, w.byFirm.PartnerID, models.IndirectReseller)
		parent := w.granted(t, 0)
		late := w.addPartner(t, "Late distributor")
		link := w.linked(t, w.byFirm, late)
		ask := w.askOf(late)
		w.refusedBoth(t, ask, ErrNoConsent)
		asked := w.list(t, Filter{Viewer: w.byCust, State: string(models.RequestPending)})
		if len(asked) != 1 || asked[0].Request.PartnerID != late.PartnerID || *asked[0].Request.Derives != parent.ID {
			t.Fatalf("waiting %+v", asked)
		}
		made, err := w.Grant(t.Context(), w.byCust, asked[0].Request.ID, Terms{})
		if err != nil || *made.DerivedFrom != parent.ID || *made.LinkID != link.ID || made.PartnerID != late.PartnerID {
			t.Fatalf("made %+v, %v", made, err)
		}
		if permit, err := w.checkTx(t.Context(), ask); err != nil || permit.Root != parent.ID {
			t.Errorf("permit %+v, %v", permit, err)
		}
	})
}

// A derived grant has no limits of its own. A yes that wants some is refused, and not
// turned into one without.
func TestAYesToALaterProviderCannotLoseItsLimits(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.kind(t, w.byFirm.PartnerID, models.IndirectReseller)
		w.granted(t, 0)
		late := w.addPartner(t, "Late distributor")
		w.linked(t, w.byFirm, late)
		asked := w.list(t, Filter{Viewer: w.byCust, State: string(models.RequestPending)})
		ten := int64(10)
		for _, limits := range []Limits{{Devices: &ten}, {GroupTags: []string{"kiosk"}}} {
			_, err := w.Grant(t.Context(), w.byCust, asked[0].Request.ID, Terms{Limits: limits})
			wantFault(t, err, "deviceLimit")
		}
		w.refusedBoth(t, w.askOf(late), ErrNoConsent)
	})
}

// What a provider still asks for ends with its link, whoever ends it.
func TestAnOpenQuestionEndsWithItsLink(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]func(w *world, provider Actor) Actor{
		"by the reseller": func(w *world, _ Actor) Actor { return w.byFirm },
		"by the provider": func(_ *world, provider Actor) Actor { return provider },
		"by the operator": func(w *world, _ Actor) Actor { return w.byOps },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, w *world) {
				w.kind(t, w.byFirm.PartnerID, models.IndirectReseller)
				w.granted(t, 0)
				provider := w.addPartner(t, "Late distributor")
				link := w.linked(t, w.byFirm, provider)
				own, err := w.Request(t.Context(), provider, w.newRequest())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.EndLink(t.Context(), by(w, provider), link.ID, "moved"); err != nil {
					t.Fatal(err)
				}
				waiting := w.list(t, Filter{Viewer: w.byCust, State: string(models.RequestPending)})
				if len(waiting) != 1 || waiting[0].Request.ID != own.ID {
					t.Errorf("waiting %+v", waiting)
				}
				ended := w.list(t, Filter{Viewer: w.byCust, State: string(models.RequestWithdrawn)})
				if len(ended) != 1 || ended[0].Request.Derives == nil {
					t.Fatalf("withdrawn %+v", ended)
				}
				history, err := w.History(t.Context(), w.byCust, string(ended[0].Request.ID))
				if err != nil || history[len(history)-1].Reason != noLongerLinked {
					t.Errorf("history %+v, %v", history, err)
				}
			})
		})
	}
}

func TestAYesToAProviderThatIsLinkedNoMore(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.kind(t, w.byFirm.PartnerID, models.IndirectReseller)
		w.granted(t, 0)
		link := w.linked(t, w.byFirm, w.addPartner(t, "Late distributor"))
		asked := w.list(t, Filter{Viewer: w.byCust, State: string(models.RequestPending)})
		if _, err := w.EndLink(t.Context(), w.byFirm, link.ID, "other supplier"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Grant(t.Context(), w.byCust, asked[0].Request.ID, Terms{})
		wantErr(t, err, ErrWrongState)
	})
}

func TestWhoMayLink(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		provider := w.addPartner(t, "Distributor")
		w.kind(t, provider.PartnerID, models.IndirectProvider)
		_, err := w.MakeLink(t.Context(), w.byFirm, provider.PartnerID)
		wantErr(t, err, ErrInvalid) // no reseller
		w.kind(t, w.byFirm.PartnerID, models.IndirectReseller)
		_, err = w.MakeLink(t.Context(), w.byFirm, w.addPartner(t, "An OEM").PartnerID)
		wantFault(t, err, "provider")
		for _, actor := range []Actor{w.byCust, w.byOps} {
			_, err = w.MakeLink(t.Context(), actor, provider.PartnerID)
			wantErr(t, err, ErrNotYours)
		}
		link, err := w.MakeLink(t.Context(), w.byFirm, provider.PartnerID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.MakeLink(t.Context(), w.byFirm, provider.PartnerID)
		wantErr(t, err, ErrLinkExists)
		_, err = w.AcceptLink(t.Context(), w.byFirm, link.ID)
		wantErr(t, err, ErrNotYours)
		_, err = w.AcceptLink(t.Context(), w.addPartner(t, "Stranger"), link.ID)
		wantErr(t, err, ErrLinkNotFound)
		_, err = w.AcceptLink(t.Context(), w.byCust, link.ID)
		wantErr(t, err, ErrNotYours)
		accepted, err := w.AcceptLink(t.Context(), w.byOps, link.ID)
		if err != nil || accepted.State != models.LinkActive || *accepted.AcceptedBy != "alice" {
			t.Fatalf("accepted %+v, %v", accepted, err)
		}
		_, err = w.AcceptLink(t.Context(), provider, link.ID)
		wantErr(t, err, ErrLinkState)
		if ended, err := w.EndLink(t.Context(), provider, link.ID, ""); err != nil || *ended.EndedBy != models.ActorPartner {
			t.Errorf("ended %+v, %v", ended, err)
		}
		_, err = w.EndLink(t.Context(), provider, link.ID, "")
		wantErr(t, err, ErrLinkState)
		links, err := w.Links(t.Context(), provider, "")
		if err != nil || len(links) != 1 {
			t.Errorf("links %+v, %v", links, err)
		}
		_, err = w.Links(t.Context(), w.byCust, "")
		wantErr(t, err, ErrNotYours)
	})
}
