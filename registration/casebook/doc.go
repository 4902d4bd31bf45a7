// Package casebook is the SQL of attention cases: it opens, joins, finds and
// settles them, keeps which devices a person told apart, and reads why captures
// were matched. It decides nothing; what a case means is registration's.
package casebook
