// Package recordbook is the SQL beside factory records: the product key ids that
// partners named in vain, and what factories themselves said about a name. It
// decides nothing; what follows from it is registration's.
package recordbook
