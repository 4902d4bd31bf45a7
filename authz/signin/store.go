package signin

import (
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/models"
)

// rows is the SQL of this package, bound to a context and either to a transaction or
// to a pool. Every query about people names the tenant.
type rows struct{ g *gorm.DB }

func (r rows) add(row any) error { return r.g.Create(row).Error }

// one takes a row that may not be there.
func one[T any](q *gorm.DB) (row T, found bool, err error) {
	err = q.Take(&row).Error
	if db.IsNotFound(err) {
		return row, false, nil
	}
	return row, err == nil, err
}

func (r rows) tenant(id models.TenantID) (models.Tenant, bool, error) {
	return one[models.Tenant](r.g.Where("id = ?", id))
}

func (r rows) tenantOfDomain(domain string) (models.TenantID, bool, error) {
	row, found, err := one[models.TenantDomain](r.g.Where("domain = ?", domain))
	return row.TenantID, found, err
}

func (r rows) settings(tenant models.TenantID) (models.TenantSignIn, bool, error) {
	return one[models.TenantSignIn](r.g.Where("tenant_id = ?", tenant))
}

// replaceSettings writes new settings over those of the version before.
func (r rows) replaceSettings(s models.TenantSignIn) (bool, error) {
	done := r.g.Model(&models.TenantSignIn{}).Where("tenant_id = ? AND version = ?", s.TenantID, s.Version-1).
		Select("*").Omit("tenant_id").Updates(&s)
	return done.RowsAffected == 1, done.Error
}

// claim notes the first admin of a tenant; false when there was one.
func (r rows) claim(id models.TenantID, now time.Time) (bool, error) {
	done := r.g.Exec("UPDATE tenants SET claimed_at = ? WHERE id = ? AND claimed_at IS NULL", now, id)
	return done.RowsAffected == 1, done.Error
}

func (r rows) proveID(id models.TenantID) error {
	return r.g.Exec("UPDATE tenants SET id_proof = ? WHERE id = ? AND id_proof = ?", models.IDProven, id, models.IDNamed).Error
}

func (r rows) rename(id models.TenantID, name string) error {
	return r.g.Exec("UPDATE tenants SET name = ? WHERE id = ?", name, id).Error
}

// takeAttempt removes the attempt of this state and browser and returns it: whatever
// comes of it, it comes once. An answer in another browser leaves it alone.
func (r rows) takeAttempt(state, browser []byte) (models.SignInAttempt, bool, error) {
	attempt, found, err := one[models.SignInAttempt](r.g.Where("state_digest = ? AND browser_digest = ?", state, browser))
	if err != nil || !found {
		return attempt, false, err
	}
	done := r.g.Exec("DELETE FROM sign_in_attempts WHERE state_digest = ? AND browser_digest = ?", state, browser)
	return attempt, done.RowsAffected == 1, done.Error
}

func (r rows) invitation(digest []byte) (models.TenantInvitation, bool, error) {
	return one[models.TenantInvitation](r.g.Where("digest = ?", digest))
}

func (r rows) invitationByID(id string) (models.TenantInvitation, bool, error) {
	return one[models.TenantInvitation](r.g.Where("id = ?", id))
}

func (r rows) useInvitation(id string, by models.PersonID, now time.Time) error {
	return r.g.Exec("UPDATE tenant_invitations SET ended_at = ?, used_by = ? WHERE id = ? AND ended_at IS NULL", now, by, id).Error
}

func (r rows) endInvitations(tenant models.TenantID, now time.Time) error {
	return r.g.Exec("UPDATE tenant_invitations SET ended_at = ? WHERE tenant_id = ? AND ended_at IS NULL", now, tenant).Error
}

// withRole fills in what a person may do.
func withRole(p models.Person) models.Person {
	p.Role = p.EffectiveRole()
	return p
}

func (r rows) person(tenant models.TenantID, id models.PersonID) (models.Person, bool, error) {
	p, found, err := one[models.Person](r.g.Where("tenant_id = ? AND id = ?", tenant, id))
	return withRole(p), found, err
}

func (r rows) personNamed(tenant models.TenantID, issuer, subject string) (models.Person, bool, error) {
	p, found, err := one[models.Person](r.g.Where("tenant_id = ? AND issuer = ? AND subject = ?", tenant, issuer, subject))
	return withRole(p), found, err
}

// givenRoles lists the people of a tenant whose role was given here.
func (r rows) givenRoles(tenant models.TenantID) ([]models.Person, error) {
	var list []models.Person
	err := r.g.Where("tenant_id = ? AND given_role IS NOT NULL", tenant).Order("id").Find(&list).Error
	return list, err
}

func (r rows) people(tenant models.TenantID, after string, limit int) ([]models.Person, error) {
	var list []models.Person
	err := r.g.Where("tenant_id = ? AND id > ?", tenant, after).Order("id").Limit(limit).Find(&list).Error
	for i := range list {
		list[i] = withRole(list[i])
	}
	return list, err
}

// otherAdmins counts the active admins besides one person.
func (r rows) otherAdmins(tenant models.TenantID, but models.PersonID) (int64, error) {
	var n int64
	err := r.g.Model(&models.Person{}).Where("tenant_id = ? AND id <> ? AND state = ? AND (given_role = ? OR claim_role = ?)",
		tenant, but, models.PersonActive, models.PersonAdmin, models.PersonAdmin).Count(&n).Error
	return n, err
}

// savePerson writes what a sign-in learned.
func (r rows) savePerson(p models.Person) error {
	return r.g.Model(&models.Person{}).Where("tenant_id = ? AND id = ?", p.TenantID, p.ID).
		Select("Name", "Email", "GivenRole", "ClaimRole", "LastSignIn").Updates(&p).Error
}

// changePerson writes what an admin decided.
func (r rows) changePerson(p models.Person) error {
	return r.g.Model(&models.Person{}).Where("tenant_id = ? AND id = ?", p.TenantID, p.ID).
		Select("GivenRole", "State").Updates(&p).Error
}

// sessionRow is a session with everything it depends on, as of one instant.
type sessionRow struct {
	models.PersonSession `gorm:"embedded"`
	Person               models.Person `gorm:"embedded;embeddedPrefix:p_"`
	Tenant               models.Tenant `gorm:"embedded;embeddedPrefix:t_"`
	SettingsIssuer       *string
	RequireMFA           *bool `gorm:"column:require_mfa"`
}

func (r rows) session(digest []byte) (sessionRow, bool, error) {
	row, found, err := one[sessionRow](r.g.Table("person_sessions AS s").
		Select(`s.digest, s.person_id, s.tenant_id, s.acr, s.amr, s.auth_time, s.mfa, s.created_at, s.seen_at, s.expires_at,
			p.id AS p_id, p.tenant_id AS p_tenant_id, p.issuer AS p_issuer, p.subject AS p_subject, p.name AS p_name, p.email AS p_email,
			p.given_role AS p_given_role, p.claim_role AS p_claim_role, p.state AS p_state, p.created_at AS p_created_at,
			p.last_sign_in_at AS p_last_sign_in_at,
			t.id AS t_id, t.gate AS t_gate, t.name AS t_name, t.state AS t_state, t.epoch AS t_epoch, t.id_proof AS t_id_proof,
			t.created_at AS t_created_at, t.claimed_at AS t_claimed_at,
			i.issuer AS settings_issuer, i.require_mfa`).
		Joins("JOIN people p ON p.id = s.person_id AND p.tenant_id = s.tenant_id").
		Joins("JOIN tenants t ON t.id = s.tenant_id").
		Joins("LEFT JOIN tenant_sign_ins i ON i.tenant_id = s.tenant_id").
		Where("s.digest = ?", digest))
	row.Person = withRole(row.Person)
	return row, found, err
}

// touch moves the end of idleness; of calls at the same time one writes.
func (r rows) touch(digest []byte, now, before time.Time) error {
	return r.g.Exec("UPDATE person_sessions SET seen_at = ? WHERE digest = ? AND seen_at < ?", now, digest, before).Error
}

func (r rows) endSession(digest []byte) error {
	return r.g.Exec("DELETE FROM person_sessions WHERE digest = ?", digest).Error
}

func (r rows) endSessionsOf(tenant models.TenantID, person models.PersonID) error {
	return r.g.Exec("DELETE FROM person_sessions WHERE tenant_id = ? AND person_id = ?", tenant, person).Error
}

// endSessionsBut ends the sessions of everybody whom another provider than this vouched for.
func (r rows) endSessionsBut(tenant models.TenantID, issuer string) error {
	return r.g.Exec(`DELETE FROM person_sessions WHERE tenant_id = ? AND person_id IN
		(SELECT id FROM people WHERE tenant_id = ? AND issuer <> ?)`, tenant, tenant, issuer).Error
}

// sweep deletes what has expired.
func (r rows) sweep(now, idleSince time.Time) error {
	if err := r.g.Exec("DELETE FROM sign_in_attempts WHERE expires_at < ?", now).Error; err != nil {
		return err
	}
	return r.g.Exec("DELETE FROM person_sessions WHERE expires_at < ? OR seen_at < ?", now, idleSince).Error
}
