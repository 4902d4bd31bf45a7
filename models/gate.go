package models

// GateClass is the lock class of the gate. One class is enough: partners, OAuth
// clients, tenants and grants draw their lock ids from one sequence. Locks are
// taken in the order partner, client, tenant, grant; who relies on a subject takes
// its lock shared, who changes its state or epoch takes it exclusively.
const GateClass int32 = 1
