package authz

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// maxDocumentBytes bounds a signed document; a receipt has some 10 KiB.
const maxDocumentBytes = 256 << 10

// Why a document was not accepted.
var (
	errDocumentForm = errors.New("it is not a compact JWS")
	errDocumentType = errors.New("it was not signed as what it is read as")
	errDocumentKey  = errors.New("the key set has no key with its kid")
	errDocumentSign = errors.New("the signature is not right: something was changed after it was signed")
)

// Documents verifies what a server signed to be kept and shown: checkpoints and
// receipts. It holds public keys only, so it works anywhere, with no connection.
type Documents struct{ byID map[string]verifyKey }

// ReadDocuments reads the key set a server publishes (RFC 7517).
func ReadDocuments(jwks []byte) (*Documents, error) {
	keys, err := readKeySet(string(jwks))
	if err != nil {
		return nil, err
	}
	d := &Documents{byID: make(map[string]verifyKey, len(keys))}
	for _, key := range keys {
		d.byID[key.id] = key
	}
	return d, nil
}

// ReadDocumentsFile is ReadDocuments of a file.
func ReadDocumentsFile(path string) (*Documents, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	return ReadDocuments(content)
}

// Open returns the payload of a compact JWS that was signed under ES256 by a key of
// the purpose, as a document of this typ. Nothing in the header but typ, alg and kid
// is read, and a kid finds a key of the set or nothing. The key is not bound to a
// time: a document is read years later.
func (d *Documents) Open(purpose Purpose, typ, raw string) ([]byte, error) {
	var head header
	parts, err := takeApart(raw, maxDocumentBytes, &head)
	if err != nil {
		return nil, errDocumentForm
	}
	if head.Typ != typ || head.Alg != algES256 || !strings.HasPrefix(head.Kid, string(purpose)+".") {
		return nil, errDocumentType
	}
	key, ok := d.byID[head.Kid]
	if !ok || key.alg != algES256 {
		return nil, errDocumentKey
	}
	if err := key.check(parts); err != nil {
		return nil, errDocumentSign
	}
	return parts.payload, nil
}
