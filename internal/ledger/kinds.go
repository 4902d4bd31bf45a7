package ledger

// The kinds of entries, noun and verb. A kind, once used, keeps its meaning.
const (
	ConsentRequested = "consent.requested"
	ConsentGranted   = "consent.granted"
	ConsentDeclined  = "consent.declined"
	ConsentWithdrawn = "consent.withdrawn"
	ConsentExpired   = "consent.expired" // a request nobody decided, or a grant at its end
	ConsentReminded  = "consent.reminded"
	ConsentRelinked  = "consent.relinked" // a new link to a request replaced the old one
	ConsentAmended   = "consent.amended"
	ConsentSuspended = "consent.suspended"
	ConsentResumed   = "consent.resumed"
	ConsentRevoking  = "consent.revoking" // nothing new is accepted; the core has not acknowledged yet
	ConsentRevoked   = "consent.revoked"
	ConsentRenewed   = "consent.renewed"
	ConsentGivenBack = "consent.givenback"
)

// A partner, as a tenant or an operator treats it.
const (
	PartnerCreated   = "partner.created"
	PartnerChanged   = "partner.changed"
	PartnerBlocked   = "partner.blocked" // by one tenant
	PartnerUnblocked = "partner.unblocked"
	PartnerSuspended = "partner.suspended" // by the operator, everywhere
	PartnerResumed   = "partner.resumed"
)

// A link between a reseller and the provider that acts for it.
const (
	LinkOffered  = "link.offered"
	LinkAccepted = "link.accepted"
	LinkEnded    = "link.ended"
)

// A tenant.
const (
	TenantCreated   = "tenant.created"
	TenantChanged   = "tenant.changed"
	TenantSuspended = "tenant.suspended"
	TenantResumed   = "tenant.resumed"
	TenantInvited   = "tenant.invited" // its first admin
	TenantClaimed   = "tenant.claimed" // by its first admin; no operator speaks for it any more
	TenantRefused   = "tenant.refused" // what an operator tried after that
)

// A person of a tenant.
const (
	PersonAdded    = "person.added"
	PersonChanged  = "person.changed"
	PersonRemoved  = "person.removed"
	PersonSignedIn = "person.signedin"
)

// An OAuth client of a partner, a tenant or an operator.
const (
	ClientCreated  = "client.created"
	ClientChanged  = "client.changed" // keys, secret or rights
	ClientFrozen   = "client.frozen"
	ClientUnfrozen = "client.unfrozen"

	// At the token endpoint, the first time of a day from an address; for operators alone.
	ClientAuthenticated = "client.authenticated"
	ClientRefused       = "client.refused"
)

// RecordClaimed tells an OEM that a device of its report was registered.
const RecordClaimed = "record.claimed"
