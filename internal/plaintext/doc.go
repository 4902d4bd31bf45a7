// Package plaintext judges text that one party writes and another party reads in a
// page, a mail or a receipt: a name, a purpose, an order reference. Such text is
// shown as it is or refused; nothing is silently changed, because the writer must see
// what the reader sees.
package plaintext
