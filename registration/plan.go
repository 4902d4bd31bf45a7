package registration

import (
	"time"

	"countersign/models"
	"countersign/registration/casebook"
)

// plan is everything a transaction writes that registers or keeps reports.
type plan struct {
	sub models.Submission
	now time.Time

	freed         freed
	anchors       []models.RegistrationAnchor
	statements    []models.FactoryStatement
	overruled     [][]byte // keys of statements that newer ones replace
	registrations []models.Registration
	changes       []change
	identities    []models.Identity
	hashes        []models.IdentityHash
	keys          []models.IdentityKey
	events        []models.DeviceEvent
	answers       []models.StoredAnswer
	cases         []*casebook.Opening
	ended         []models.DeviceID // registrations that repairs end
	claimed       []claimedRecord
	guessed       []int64 // product key ids that the partner named in vain lately, near those of the dispatch
	missed        []int64 // those it names in vain now, ascending

	apart map[int64][]int64 // of identities that may share an anchor: from whom they were told apart
	newID func() string     // ids of cases
	given []models.Answer   // the same answers, for the caller
}

// change is what becomes other about a known identity.
type change struct {
	id        int64
	columns   map[string]any
	recapture bool    // keys and hash bytes go and come in again with the others
	oldKeys   []int64 // of a recapture
}

// freed are anchors that lose their owner. Both lists are needed to name them.
type freed struct {
	identities []int64
	anchors    [][]byte
}

// add frees what the identity owns.
func (f *freed) add(i *models.Identity) {
	f.identities = append(f.identities, i.ID)
	for _, a := range anchorsOf(i) {
		f.anchors = append(f.anchors, a.Key)
	}
}

// say answers a row.
func (p *plan) say(a models.Answer) {
	p.given = append(p.given, a)
	p.answers = append(p.answers, kept(p.sub.Upload, a, p.now))
}

// note appends to the history of a device. The entry may be completed until the
// next one is made.
func (p *plan) note(row int, kind models.DeviceEventKind, identity int64, device models.DeviceID, reason string) *models.DeviceEvent {
	e := event(p.sub, row, kind, identity, device, p.now)
	e.Reason = reason
	p.events = append(p.events, e)
	return &p.events[len(p.events)-1]
}

// learn stores a device that was not known before.
func (p *plan) learn(c *claim) models.Identity {
	identity := c.device
	identity.ReportedBy = p.sub.Authority.PartnerID
	identity.CreatedAt, identity.CapturedAt = p.now, p.now
	p.identities = append(p.identities, identity)
	p.capture(identity, c)
	return identity
}

// renew takes the newer capture of a known device that nobody has.
func (p *plan) renew(k *known, c *claim) models.Identity {
	identity := merge(k.Identity, c.device)
	identity.CapturedAt = p.now
	p.changes = append(p.changes, change{
		id: k.ID, columns: identityChanges(identity), recapture: true, oldKeys: keysOf(&k.Identity),
	})
	p.capture(identity, c)
	return identity
}

// capture stores hash bytes and keys of an identity.
func (p *plan) capture(identity models.Identity, c *claim) {
	p.hashes = append(p.hashes, models.IdentityHash{
		IdentityID: identity.ID, Digest: c.digest[:], Hash: c.row.Identity.Hash,
	})
	for _, k := range keysOf(&identity) {
		p.keys = append(p.keys, models.IdentityKey{Key: k, IdentityID: identity.ID})
	}
}

// register binds an identity to the tenant and answers the row.
func (p *plan) register(c *claim, identity models.Identity, id models.DeviceID) (*models.DeviceEvent, error) {
	e, err := p.bind(c, identity, id)
	if err != nil {
		return nil, err
	}
	done := answer(c.row.Row, models.OutcomeRegistered, "")
	done.DeviceID = id
	p.say(done)
	return e, nil
}

// bind binds an identity to the tenant.
func (p *plan) bind(c *claim, identity models.Identity, id models.DeviceID) (*models.DeviceEvent, error) {
	row := c.row
	order, err := writeOrder(row.Order)
	if err != nil {
		return nil, err
	}
	a := p.sub.Authority
	p.anchors = append(p.anchors, anchorsOf(&identity)...)
	p.registrations = append(p.registrations, models.Registration{
		ID: id, IdentityID: identity.ID, TenantID: a.TenantID, State: models.RegistrationActive,
		Authority: a.Kind, PartnerID: a.PartnerID, ClientID: a.ClientID, GrantID: a.GrantID,
		TrackingID: p.sub.Upload, Ordinal: row.Row, GroupTag: plain(row.Order.GroupTag), OrderData: order, RegisteredAt: p.now,
		Quality: c.quality, HashMadeAt: c.madeAt,
	})
	return p.note(row.Row, models.DeviceRegistered, identity.ID, id, ""), nil
}

// merge lays a newer capture over what was known. A value that the newer one
// could not see, as in Windows PE, is not forgotten.
func merge(old, newer models.Identity) models.Identity {
	text := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	data := func(dst *[]byte, v []byte) {
		if len(v) > 0 {
			*dst = v
		}
	}
	data(&old.EKDigest, newer.EKDigest)
	data(&old.SMBIOSUUID, newer.SMBIOSUUID)
	data(&old.MACs, newer.MACs)
	text(&old.Manufacturer, newer.Manufacturer)
	text(&old.Product, newer.Product)
	text(&old.Serial, newer.Serial)
	text(&old.SystemDisk, newer.SystemDisk)
	text(&old.ProductKey, newer.ProductKey)
	return old
}
