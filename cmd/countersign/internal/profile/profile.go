// Package profile keeps who the command line is and where its gateway is: named
// profiles in a file only their owner can read, each overridable by the environment.
package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"countersign/cmd/countersign/internal/atomicfile"
)

// Default is the profile that is used when none is named.
const Default = "default"

// Profile is one gateway with one client. It has a secret or a key file.
type Profile struct {
	URL          string `json:"url"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret,omitzero"`
	KeyFile      string `json:"clientKeyFile,omitzero"`
	KeyID        string `json:"clientKeyId,omitzero"` // kid, when it is not the key's thumbprint
	CAFile       string `json:"caFile,omitzero"`      // authorities (PEM) to trust beside the system's
	PlainHTTP    bool   `json:"plainHttp,omitzero"`   // http to other machines is all right
	DPoP         bool   `json:"dpop,omitzero"`        // tokens are bound to a key of the program (RFC 9449)
}

// String hides the secret from %v.
func (p Profile) String() string { return p.ClientID + " at " + p.URL }

// GoString hides the secret from %#v.
func (p Profile) GoString() string { return p.String() }

// Method names how the client authenticates.
func (p Profile) Method() string {
	if p.KeyFile != "" {
		return "private_key_jwt"
	}
	return "client_secret_basic"
}

// Check says what is missing or must not be.
func (p Profile) Check() error {
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "":
		return errors.New("no gateway is known; run `countersign login`, or set COUNTERSIGN_URL")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is not the address of a gateway, such as https://gateway.example.com", p.URL)
	case u.Scheme == "http" && !p.PlainHTTP && !loopback(u.Hostname()):
		return fmt.Errorf("%s would carry the credential and the devices in the clear; use https, or --plain-http (COUNTERSIGN_PLAIN_HTTP=1) in a network you trust", p.URL)
	case p.ClientID == "":
		return errors.New("no client id is known; run `countersign login`, or set COUNTERSIGN_CLIENT_ID")
	case p.ClientSecret == "" && p.KeyFile == "":
		return errors.New("no credential is known; run `countersign login`, or set COUNTERSIGN_CLIENT_SECRET, COUNTERSIGN_CLIENT_SECRET_FILE or COUNTERSIGN_CLIENT_KEY_FILE")
	case p.ClientSecret != "" && p.KeyFile != "":
		return errors.New("both a secret and a key file are given; one of them is enough")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// File is the file of profiles.
type File struct {
	path     string
	Profiles map[string]Profile `json:"profiles"`
}

// Path is where the file lies: countersign/config.json in the user's folder for
// settings ($XDG_CONFIG_HOME where that is set).
func Path(env func(string) string) (string, error) {
	if dir := env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "countersign", "config.json"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for settings: %w", err)
	}
	return filepath.Join(dir, "countersign", "config.json"), nil
}

// Load reads the profiles; none is fine.
func Load(path string) (*File, error) {
	f := &File{path: path, Profiles: map[string]Profile{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s holds secrets and others may read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s cannot be read as settings (%w); repair or delete it, then log in again", path, err)
	}
	return f, nil
}

// Save writes the file for its owner alone.
func (f *File) Save() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(f.path, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// Named returns a profile; an unknown name is an error unless it is the default one.
func (f *File) Named(name string) (Profile, error) {
	p, ok := f.Profiles[name]
	if !ok && name != Default {
		return Profile{}, fmt.Errorf("there is no profile %q (known: %s); run `countersign login --profile %s`", name, strings.Join(slices.Sorted(maps.Keys(f.Profiles)), ", "), name)
	}
	return p, nil
}

// WithEnv lays the environment over a profile. A credential belongs to one client
// of one gateway: when the environment names another, the profile's is dropped.
func (p Profile) WithEnv(env func(string) string) (Profile, error) {
	address, client := strings.TrimSuffix(env("COUNTERSIGN_URL"), "/"), env("COUNTERSIGN_CLIENT_ID")
	if address != "" && address != p.URL || client != "" && client != p.ClientID {
		p.ClientSecret, p.KeyFile, p.KeyID = "", "", ""
	}
	if address != "" {
		p.URL = address
	}
	if client != "" {
		p.ClientID = client
	}
	if ca := env("COUNTERSIGN_CA_FILE"); ca != "" {
		p.CAFile = ca
	}
	if env("COUNTERSIGN_PLAIN_HTTP") == "1" {
		p.PlainHTTP = true
	}
	if env("COUNTERSIGN_DPOP") == "1" {
		p.DPoP = true
	}
	secret, err := SecretFromEnv(env)
	key := env("COUNTERSIGN_CLIENT_KEY_FILE")
	if err != nil || secret == "" && key == "" {
		return p, err
	}
	p.ClientSecret, p.KeyFile, p.KeyID = secret, key, env("COUNTERSIGN_CLIENT_KEY_ID")
	return p, nil
}

// SecretFromEnv reads COUNTERSIGN_CLIENT_SECRET or the file that
// COUNTERSIGN_CLIENT_SECRET_FILE names; empty when neither is set.
func SecretFromEnv(env func(string) string) (string, error) {
	if secret := env("COUNTERSIGN_CLIENT_SECRET"); secret != "" {
		return secret, nil
	}
	if path := env("COUNTERSIGN_CLIENT_SECRET_FILE"); path != "" {
		return SecretFromFile(path)
	}
	return "", nil
}

// SecretFromFile reads a secret without the line end editors leave.
func SecretFromFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s holds no secret", path)
	}
	return secret, nil
}
