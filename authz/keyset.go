package authz

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/errs"
)

// Limits of a client's key set.
const (
	maxKeySetBytes = 64 << 10
	maxClientKeys  = 20
)

// ErrKeySet says why a client's public keys were not accepted. Its fields name
// the key by its place in the set.
var ErrKeySet = errs.New(errs.Invalid, "invalid_jwks", "The key set was not accepted.")

// privateMembers are the secret parts of every kind of key (RFC 7518 section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// CheckKeySet reads a client's JSON Web Key Set (RFC 7517) before it is stored
// and returns it in the form to store: public members only, every key with a
// kid, the RFC 7638 thumbprint where the sender gave none. The error is a copy
// of ErrKeySet whose sentence names the key and the cause.
func CheckKeySet(text string) (string, error) {
	keys, err := readKeySet(text)
	if err != nil {
		return "", err
	}
	stored := struct {
		Keys []jwk `json:"keys"`
	}{}
	for i, key := range keys {
		written, err := newJWK(key.public)
		if err != nil {
			return "", keyError(i, "%s", err)
		}
		written.Kid, written.Use = key.id, "sig"
		stored.Keys = append(stored.Keys, written)
	}
	out, err := json.Marshal(stored)
	if err != nil {
		return "", fmt.Errorf("write key set: %w", err)
	}
	return string(out), nil
}

// readKeySet reads 1 to maxClientKeys usable public keys with distinct ids.
func readKeySet(text string) ([]verifyKey, error) {
	if len(text) > maxKeySetBytes {
		return nil, ErrKeySet.WithDetail("The key set is larger than %d bytes. Send fewer keys.", maxKeySetBytes)
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if _, err := readStrict([]byte(text), &set); err != nil {
		return nil, ErrKeySet.WithDetail(`The key set is not a JSON object with a member "keys", without duplicate members.`)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxClientKeys {
		return nil, ErrKeySet.WithDetail("The key set holds %d keys. Send 1 to %d.", len(set.Keys), maxClientKeys)
	}
	keys := make([]verifyKey, 0, len(set.Keys))
	for i, raw := range set.Keys {
		key, err := readKey(raw)
		if err != nil {
			return nil, keyError(i, "%s", err)
		}
		if slices.ContainsFunc(keys, func(k verifyKey) bool { return k.id == key.id }) {
			return nil, keyError(i, "kid is used twice")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func keyError(index int, format string, args ...any) error {
	cause := fmt.Sprintf(format, args...)
	return ErrKeySet.WithDetail("Key %d of the set was not accepted: %s.", index+1, cause).
		WithFields(errs.Field{Row: index + 1, Name: "keys", Cause: cause})
}

// readKey reads one key. Secret members are refused rather than dropped: whoever
// sends them has published a private key and must know.
func readKey(raw []byte) (verifyKey, error) {
	var key jwk
	names, err := readStrict(raw, &key)
	if err != nil {
		return verifyKey{}, fmt.Errorf("it is not a JSON object of a key")
	}
	for _, name := range privateMembers {
		if names[name] {
			return verifyKey{}, fmt.Errorf("it holds the private or secret member %q; this key is no longer secret, make a new one and send only its public part", name)
		}
	}
	if key.Use != "" && key.Use != "sig" {
		return verifyKey{}, fmt.Errorf("use is %q; it must be sig or absent", key.Use)
	}
	if len(key.KeyOps) > 0 && !slices.Contains(key.KeyOps, "verify") {
		return verifyKey{}, fmt.Errorf("key_ops does not contain verify")
	}
	read, err := key.public()
	if err != nil {
		return verifyKey{}, err
	}
	if read.id == "" {
		if read.id, err = key.thumbprint(); err != nil {
			return verifyKey{}, err
		}
	}
	if !validKeyID(read.id) {
		return verifyKey{}, fmt.Errorf("kid must be 1 to 64 letters, digits or any of . _ ~ -")
	}
	return read, nil
}
