package consent

import (
	"strings"
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// rows is the SQL of this package, bound to a context and either to a
// transaction or to the read pool. Changes of state are compare-and-set: they
// name the state they expect and report whether they found it.
type rows struct {
	g  *gorm.DB
	tx *db.Tx // nil outside a transaction
}

// sweepSize bounds what one pass of the sweep takes on.
const sweepSize = 500

// --- requests

func (r rows) addRequest(request *models.ConsentRequest) error { return r.g.Create(request).Error }

// tenantNamed finds the tenant a partner's reference means: an id, or a
// verified domain. nil means nobody known.
func (r rows) tenantNamed(ref string) (*models.TenantID, error) {
	var found []models.TenantID
	err := r.g.Raw(`SELECT id FROM tenants WHERE id = ?
		UNION SELECT tenant_id FROM tenant_domains WHERE domain = ?`, ref, ref).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// request reads one request inside the scope; ErrNotFound outside it.
func (r rows) request(id models.RequestID, s scope) (models.ConsentRequest, error) {
	var request models.ConsentRequest
	err := s.requests(r.g).Where("id = ?", id).Take(&request).Error
	return request, notFound(err)
}

// moveRequest changes the state if it still is from.
func (r rows) moveRequest(request models.ConsentRequest, from models.RequestState) (bool, error) {
	done := r.g.Model(&models.ConsentRequest{}).Where("id = ? AND state = ?", request.ID, from).Updates(map[string]any{
		"state": request.State, "decided_at": request.DecidedAt, "tenant_id": request.TenantID, "grant_id": request.GrantID,
		"link_digest": nil, "link_until": nil,
	})
	return done.RowsAffected == 1, done.Error
}

// requestByLink finds the pending request of the scope behind a link that still opens
// it. The zero request means that there is none; why is not asked, so that every reason
// costs the same.
func (r rows) requestByLink(digest []byte, s scope, now time.Time) (models.ConsentRequest, error) {
	var found []models.ConsentRequest
	err := s.requests(r.g).Where("link_digest = ? AND state = ? AND link_until > ? AND expires_at > ?",
		digest, models.RequestPending, now, now).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return models.ConsentRequest{}, err
	}
	return found[0], nil
}

// setLink replaces the link of a pending request.
func (r rows) setLink(request models.ConsentRequest) (bool, error) {
	done := r.g.Exec(`UPDATE consent_requests SET link_digest = ?, link_until = ? WHERE id = ? AND partner_id = ? AND state = 'pending'`,
		request.LinkDigest, request.LinkUntil, request.ID, request.PartnerID)
	return done.RowsAffected == 1, done.Error
}

// setReminded notes a reminder, if nobody was faster.
func (r rows) setReminded(request models.ConsentRequest) (bool, error) {
	done := r.g.Exec(`UPDATE consent_requests SET reminders = ?, reminded_at = ?
		WHERE id = ? AND partner_id = ? AND state = 'pending' AND reminders = ?`,
		request.Reminders, request.RemindedAt, request.ID, request.PartnerID, request.Reminders-1)
	return done.RowsAffected == 1, done.Error
}

// queue makes the requests of one partner wait for each other until the transaction ends.
func (r rows) queue(partner models.PartnerID, now time.Time) error {
	return r.g.Exec(`INSERT INTO consent_askers (partner_id, asked_at) VALUES (?, ?)
		ON CONFLICT (partner_id) DO UPDATE SET asked_at = excluded.asked_at`, partner, now).Error
}

// askedSince lists when a partner asked, the newest first.
func (r rows) askedSince(partner models.PartnerID, since time.Time, limit int) ([]time.Time, error) {
	var at []time.Time
	err := r.g.Model(&models.ConsentRequest{}).Where("partner_id = ? AND created_at > ?", partner, since).
		Order("created_at DESC").Limit(limit).Pluck("created_at", &at).Error
	return at, err
}

// openUntil lists until when a partner's requests to one id or domain stand, the
// longest first.
func (r rows) openUntil(partner models.PartnerID, ref string, now time.Time, limit int) ([]time.Time, error) {
	var until []time.Time
	err := r.g.Model(&models.ConsentRequest{}).
		Where("partner_id = ? AND tenant_ref = ? AND state = 'pending' AND expires_at > ?", partner, ref, now).
		Order("expires_at DESC").Limit(limit).Pluck("expires_at", &until).Error
	return until, err
}

// heardBy is the tenant that may hear of a request: the one it reaches now, unless it
// does not listen to the partner.
func (r rows) heardBy(request models.ConsentRequest) (*models.TenantID, error) {
	var found []models.TenantID
	err := r.g.Raw(`SELECT t.id FROM tenants t
		WHERE t.id = COALESCE(?, (SELECT tenant_id FROM tenant_domains WHERE domain = ?), ?)
		AND NOT EXISTS (SELECT 1 FROM partner_blocks b WHERE b.tenant_id = t.id AND b.partner_id = ?)`,
		request.TenantID, request.TenantRef, request.TenantRef, request.PartnerID).Scan(&found).Error
	if err != nil || len(found) == 0 || request.Muted {
		return nil, err
	}
	return &found[0], nil
}

// --- blocks, rights and decisions

func (r rows) isBlocked(tenant models.TenantID, partner models.PartnerID) (bool, error) {
	var n int64
	err := r.g.Model(&models.PartnerBlock{}).Where("tenant_id = ? AND partner_id = ?", tenant, partner).Count(&n).Error
	return n > 0, err
}

// addBlock reports false when the partner is blocked already.
func (r rows) addBlock(block models.PartnerBlock) (bool, error) {
	done := r.g.Exec(`INSERT INTO partner_blocks (tenant_id, partner_id, reason, created_by, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant_id, partner_id) DO NOTHING`, block.TenantID, block.PartnerID, block.Reason, block.CreatedBy, block.CreatedAt)
	return done.RowsAffected == 1, done.Error
}

// removeBlock reports false when the partner is not blocked.
func (r rows) removeBlock(block models.PartnerBlock) (bool, error) {
	done := r.g.Exec(`DELETE FROM partner_blocks WHERE tenant_id = ? AND partner_id = ?`, block.TenantID, block.PartnerID)
	return done.RowsAffected == 1, done.Error
}

// blocks lists the blocks of a tenant, or the one of a partner, the newest first.
func (r rows) blocks(tenant models.TenantID, only models.PartnerID) ([]models.PartnerBlock, error) {
	g := r.g.Where("tenant_id = ?", tenant)
	if only != "" {
		g = g.Where("partner_id = ?", only)
	}
	var found []models.PartnerBlock
	return found, g.Order("created_at DESC, partner_id").Limit(MaxPage).Find(&found).Error
}

// clientDecides reports whether a client of the tenant has the right to decide now.
func (r rows) clientDecides(id models.ClientID, tenant models.TenantID, now time.Time) (bool, error) {
	var scopes []string
	err := r.g.Model(&models.OAuthClient{}).
		Where("id = ? AND tenant_id = ? AND state = ? AND (expires_at IS NULL OR expires_at > ?)", id, tenant, models.ClientActive, now).
		Pluck("scopes", &scopes).Error
	return len(scopes) == 1 && hasScope(scopes[0], RightToDecide), err
}

// person reads somebody of the tenant; the zero person may decide nothing.
func (r rows) person(id models.PersonID, tenant models.TenantID) (models.Person, error) {
	var found []models.Person
	err := r.g.Where("id = ? AND tenant_id = ?", id, tenant).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return models.Person{}, err
	}
	return found[0], nil
}

func (r rows) addDecision(decision *models.ConsentDecision) error { return r.g.Create(decision).Error }

// decisions reads the decisions about a request or grant, the oldest first.
func (r rows) decisions(ids ...string) ([]models.ConsentDecision, error) {
	var found []models.ConsentDecision
	err := r.g.Where("request_id IN ? OR grant_id IN ?", ids, ids).Order("at, id").Find(&found).Error
	return found, err
}

// overdueRequests lists pending requests nobody decided in time.
func (r rows) overdueRequests(now time.Time) ([]models.ConsentRequest, error) {
	var found []models.ConsentRequest
	err := r.g.Where("state = ? AND expires_at <= ?", models.RequestPending, now).
		Order("id").Limit(sweepSize).Find(&found).Error
	return found, err
}

// requestsOf loads requests by id, for display beside their grants.
func (r rows) requestsOf(ids []models.RequestID) (map[models.RequestID]models.ConsentRequest, error) {
	var found []models.ConsentRequest
	if len(ids) > 0 {
		if err := r.g.Where("id IN ?", ids).Find(&found).Error; err != nil {
			return nil, err
		}
	}
	byID := make(map[models.RequestID]models.ConsentRequest, len(found))
	for _, request := range found {
		byID[request.ID] = request
	}
	return byID, nil
}

// --- grants

// addGrant reports false when the partner already has a live grant of the tenant.
func (r rows) addGrant(grant *models.Grant) (bool, error) {
	err := r.g.Create(grant).Error
	if db.IsDuplicate(err) {
		return false, nil
	}
	return err == nil, err
}

func (r rows) addVersion(version *models.GrantVersion) error { return r.g.Create(version).Error }

// grant reads one grant inside the scope; ErrNotFound outside it.
func (r rows) grant(id models.GrantID, s scope) (models.Grant, error) {
	var grant models.Grant
	err := s.grants(r.g).Where("id = ?", id).Take(&grant).Error
	return grant, notFound(err)
}

// liveGrant reads the one grant of the pair, resting on no other, that can still let
// anything through.
func (r rows) liveGrant(partner models.PartnerID, tenant models.TenantID) (models.Grant, error) {
	var grant models.Grant
	err := r.g.Where("partner_id = ? AND tenant_id = ? AND derived_from IS NULL AND state IN ('active', 'suspended')", partner, tenant).Take(&grant).Error
	return grant, notFound(err)
}

// moveGrant changes state and epoch if both still are as in before.
func (r rows) moveGrant(before, after models.Grant) (bool, error) {
	done := r.g.Model(&models.Grant{}).Where("id = ? AND state = ? AND epoch = ?", before.ID, before.State, before.Epoch).
		Updates(map[string]any{
			"state": after.State, "epoch": after.Epoch,
			"ended_at": after.EndedAt, "ended_by": after.EndedBy, "end_reason": after.EndReason,
		})
	return done.RowsAffected == 1, done.Error
}

// overdueGrants lists live grants past their expiry.
func (r rows) overdueGrants(now time.Time) ([]models.GrantID, error) {
	var ids []models.GrantID
	err := r.g.Model(&models.Grant{}).Where("state IN ('active', 'suspended') AND expires_at <= ?", now).
		Order("id").Limit(sweepSize).Pluck("id", &ids).Error
	return ids, err
}

// --- history and fences

// addEvent writes an entry of the history, and the same into the ledger unless the
// ledger tells of it in another one.
func (r rows) addEvent(event *models.ConsentEvent, what record) error {
	if err := r.g.Create(event).Error; err != nil {
		return err
	}
	if what.elsewhere(*event) {
		return nil
	}
	return ledger.AddTx(r.g.Statement.Context, r.tx, what.entry(*event))
}

// unrecorded lists events that the ledger does not tell of, oldest first. It stands
// beside record.elsewhere.
func (r rows) unrecorded(after int64, limit int) ([]models.ConsentEvent, error) {
	var found []models.ConsentEvent
	err := r.g.Where("id > ? AND NOT (subject = ? AND to_state = ?)", after, models.SubjectRequest, models.RequestGranted).
		Where("NOT EXISTS (SELECT 1 FROM ledger_entries l WHERE l.event_id = consent_events.id)").
		Order("id").Limit(limit).Find(&found).Error
	return found, err
}

// events reads the history of the given requests and grants, oldest first.
func (r rows) events(ids ...string) ([]models.ConsentEvent, error) {
	var found []models.ConsentEvent
	err := r.g.Where("subject_id IN ?", ids).Order("id").Find(&found).Error
	return found, err
}

// momentOf reads when the grant became revoked.
func (r rows) momentOf(id models.GrantID) (time.Time, error) {
	var event models.ConsentEvent
	err := r.g.Where("subject = ? AND subject_id = ? AND to_state = ?", models.SubjectGrant, string(id), models.GrantRevoked).
		Take(&event).Error
	return event.At, err
}

// raiseFence asks for a fence, unless one at least as high was asked for before.
func (r rows) raiseFence(kind models.SubjectKind, id string, minEpoch int64, now time.Time) error {
	return r.g.Exec(`INSERT INTO fences (kind, subject_id, min_epoch, acked_at, attempts, next_at, last_error, created_at)
		VALUES (?, ?, ?, NULL, 0, ?, '', ?)
		ON CONFLICT (kind, subject_id) DO UPDATE SET min_epoch = excluded.min_epoch, acked_at = NULL, attempts = 0,
			next_at = excluded.next_at, last_error = '', created_at = excluded.created_at
		WHERE fences.min_epoch < excluded.min_epoch`, kind, id, minEpoch, now, now).Error
}

// fenceOf reads the fence of one subject.
func (r rows) fenceOf(kind models.SubjectKind, id string) (models.Fence, error) {
	var fence models.Fence
	err := r.g.Where("kind = ? AND subject_id = ?", kind, id).Take(&fence).Error
	return fence, err
}

// dueFences lists what the core has not acknowledged and may be asked again.
func (r rows) dueFences(now time.Time) ([]models.Fence, error) {
	var found []models.Fence
	err := r.g.Where("acked_at IS NULL AND next_at <= ?", now).Order("next_at, kind, subject_id").Limit(sweepSize).Find(&found).Error
	return found, err
}

// ackedFences lists what the core acknowledged, in the order of kind and subject, after
// a fence.
func (r rows) ackedFences(after models.Fence) ([]models.Fence, error) {
	var found []models.Fence
	err := r.g.Where("acked_at IS NOT NULL AND (kind, subject_id) > (?, ?)", after.Kind, after.SubjectID).
		Order("kind, subject_id").Limit(sweepSize).Find(&found).Error
	return found, err
}

// ackFence records the acknowledgement of exactly this epoch; a fence raised in
// between stays open.
func (r rows) ackFence(f models.Fence, now time.Time) error {
	return r.g.Exec(`UPDATE fences SET acked_at = ?, last_error = ''
		WHERE kind = ? AND subject_id = ? AND min_epoch = ? AND acked_at IS NULL`, now, f.Kind, f.SubjectID, f.MinEpoch).Error
}

// postponeFence records a failed attempt of exactly this epoch.
func (r rows) postponeFence(f models.Fence, next time.Time, why string) error {
	return r.g.Exec(`UPDATE fences SET attempts = attempts + 1, next_at = ?, last_error = ?
		WHERE kind = ? AND subject_id = ? AND min_epoch = ? AND acked_at IS NULL`, next, why, f.Kind, f.SubjectID, f.MinEpoch).Error
}

// --- lists

// before narrows a newest-first list to what comes after the position.
func before(g *gorm.DB, c *position) *gorm.DB {
	if c == nil {
		return g
	}
	return g.Where("(created_at, id) < (?, ?)", c.at, c.id)
}

// requestPage lists requests that are not shown as their grant, newest first.
func (r rows) requestPage(s scope, state string, after *position, limit int) ([]models.ConsentRequest, error) {
	g := before(s.requests(r.g), after).Where("state <> ?", models.RequestGranted)
	if state != "" {
		g = g.Where("state = ?", state)
	}
	var found []models.ConsentRequest
	return found, g.Order("created_at DESC, id DESC").Limit(limit).Find(&found).Error
}

// grantPage lists grants, newest first.
func (r rows) grantPage(s scope, state string, after *position, limit int) ([]models.Grant, error) {
	g := before(s.grants(r.g), after)
	if state != "" {
		g = g.Where("state = ?", state)
	}
	var found []models.Grant
	return found, g.Order("created_at DESC, id DESC").Limit(limit).Find(&found).Error
}

// names loads the names behind ids of partners or tenants.
func names[ID ~string, Row any](r rows, ids []ID, of func(Row) (ID, string)) (map[ID]string, error) {
	var found []Row
	if err := r.g.Select("id", "name").Where("id IN ?", ids).Find(&found).Error; err != nil {
		return nil, err
	}
	byID := make(map[ID]string, len(found))
	for _, row := range found {
		id, name := of(row)
		byID[id] = name
	}
	return byID, nil
}

// customers lists the tenants with an active, unexpired grant to the partner, by
// id, after the given one; only, when set, asks for one tenant.
func (r rows) customers(partner models.PartnerID, now time.Time, only, after models.TenantID, limit int) ([]Customer, error) {
	g := r.g.Table("grants").Select("tenants.id, tenants.name").Joins("JOIN tenants ON tenants.id = grants.tenant_id").
		Where("grants.partner_id = ? AND grants.state = ? AND grants.expires_at > ?", partner, models.GrantActive, now).
		Where("tenants.id > ?", after)
	if only != "" {
		g = g.Where("tenants.id = ?", only)
	}
	var found []Customer
	return found, g.Order("tenants.id").Limit(limit).Scan(&found).Error
}

// firstDomains returns the domain each tenant verified first.
func (r rows) firstDomains(tenants []models.TenantID) (map[models.TenantID]string, error) {
	var found []models.TenantDomain
	if err := r.g.Where("tenant_id IN ?", tenants).Order("verified_at DESC, domain DESC").Find(&found).Error; err != nil {
		return nil, err
	}
	first := make(map[models.TenantID]string, len(tenants))
	for _, d := range found {
		first[d.TenantID] = d.Domain
	}
	return first, nil
}

// scope is whose rows a query may touch. The zero scope is everybody's and
// belongs to the service's own work, never to a caller.
type scope struct {
	partner models.PartnerID
	tenant  models.TenantID
	// literal matches requests by the tenant as the partner wrote it, and
	// nothing else, so that a partner cannot learn which tenant owns a domain.
	literal bool
}

func (s scope) requests(g *gorm.DB) *gorm.DB {
	if s.partner != "" {
		g = g.Where("partner_id = ?", s.partner)
	}
	switch {
	case s.tenant == "":
	case s.literal:
		g = g.Where("tenant_ref = ?", strings.ToLower(string(s.tenant)))
	default:
		// A reference that named nobody when it was written is resolved when
		// it is read, so a tenant that comes later finds its requests, and no
		// order of creation can lose one.
		g = g.Where(`(tenant_id = ? OR tenant_id IS NULL AND (tenant_ref = ?
			OR tenant_ref IN (SELECT domain FROM tenant_domains WHERE tenant_domains.tenant_id = ?)))`, s.tenant, s.tenant, s.tenant)
		// A tenant does not hear of a partner it has blocked, except in what it decided.
		g = g.Where(`NOT muted AND (state IN ('granted', 'declined') OR NOT EXISTS (SELECT 1 FROM partner_blocks
			WHERE partner_blocks.tenant_id = ? AND partner_blocks.partner_id = consent_requests.partner_id))`, s.tenant)
	}
	return g
}

func (s scope) grants(g *gorm.DB) *gorm.DB {
	if s.partner != "" {
		g = g.Where("partner_id = ?", s.partner)
	}
	if s.tenant != "" {
		g = g.Where("tenant_id = ?", s.tenant)
	}
	return g
}

// notFound turns gorm's answer into this package's.
func notFound(err error) error {
	if db.IsNotFound(err) {
		return ErrNotFound
	}
	return err
}

const actingSQL = `SELECT c.epoch AS client_epoch, c.state AS client_state,
	COALESCE(p.epoch, 0) AS partner_epoch, COALESCE(p.state, '') AS partner_state,
	COALESCE(t.epoch, 0) AS tenant_epoch, COALESCE(t.state, '') AS tenant_state
	FROM oauth_clients c
	LEFT JOIN partners p ON p.id = c.partner_id
	LEFT JOIN tenants t ON t.id = c.tenant_id
	WHERE c.id = ? AND COALESCE(c.partner_id, '') = ? AND COALESCE(c.tenant_id, '') = ?`

// acting reads how who acts in its own name stands; nil for a client of somebody else.
func (r rows) acting(who Acting) (*acting, error) {
	var found []acting
	if err := r.g.Raw(actingSQL, who.Client, who.Partner, who.Tenant).Scan(&found).Error; err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}
