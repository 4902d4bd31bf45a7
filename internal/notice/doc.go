// Package notice tells people by mail what happened to consent: the admins of the
// tenant, and the partner at its contact address.
//
// It reads the ledger's chain of everything behind a durable cursor. Whoever holds the
// cursor's row, one of any number of replicas, writes the mails of the next entries into
// an outbox and moves the cursor in the same transaction, so that an entry becomes each
// mail once. Mails that no entry tells of (a permission is about to end, what was
// registered yesterday) get into the outbox under a key that names their occasion, once
// too. From there a worker claims one at a time, sends it and notes it. If the process
// dies between the two, or the server took the mail and its answer was lost, the mail is
// sent again with the same Message-ID (RFC 5322 section 3.6.4), by which mail systems
// recognise it. What cannot be delivered is tried again with growing pauses, and given up
// after three days, or at once when the server says so for good.
//
// Mails are plain text in the tenant's language. What a partner wrote stands in them
// labelled as that, in one line, cut, and without addresses and invisible characters:
// nobody sends a link or a forged sentence to a customer through us. Mails hold no link
// that does anything and no secret: they say where to sign in.
//
// The package must not know HTTP, and decides nothing about consent.
package notice
