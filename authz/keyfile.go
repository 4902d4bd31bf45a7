package authz

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// keyFolder is where all secrets of the server lie below its data directory.
const keyFolder = "keys"

// prepareKeyFolder makes the folder for secrets if it is not there.
func prepareKeyFolder(dataDir string) (string, error) {
	if dataDir == "" {
		return "", errors.New("no data directory was given: keys have no place to lie")
	}
	folder := filepath.Join(dataDir, keyFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("create the folder for keys: %w", err)
	}
	return folder, nil
}

// createOnce writes a secret file that nobody else can read, unless one of that
// name exists. The name appears with its whole content or not at all, and of two
// processes that start at once exactly one wins; the other then reads the
// winner's. os.Link gives both, os.Rename would let the second one replace it.
func createOnce(path string, content []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	folder := filepath.Dir(path)
	file, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return syncFolder(folder)
}

// syncFolder makes the new name survive a crash of the machine.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	return nil
}

// readSecretFile reads a file that must not be open to other users. A key that
// everybody could read must not go on being used unnoticed.
func readSecretFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return nil, fmt.Errorf("%s is open to every user of this machine (mode %04o): replace it if others may have read it, then run chmod 600", path, mode)
	}
	return os.ReadFile(path)
}

// keyBytes reads n random bytes from a file below the data directory, in hexadecimal, and
// makes it if there is none. loss says what a new file in place of a damaged one would do.
func keyBytes(dataDir, name string, n int, loss string) ([]byte, error) {
	folder, err := prepareKeyFolder(dataDir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	fresh := make([]byte, n)
	_, _ = rand.Read(fresh) // crypto/rand.Read never fails
	if err := createOnce(path, []byte(hex.EncodeToString(fresh)+"\n")); err != nil {
		return nil, err
	}
	content, err := readSecretFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(key) != n {
		return nil, fmt.Errorf("%s does not hold %d bytes in hexadecimal: restore it from a backup; a new one would %s", path, n, loss)
	}
	return key, nil
}

// next makes the key file after the last one that was seen. Of several that have seen the
// same one makes it.
func (k *Keys) next(seen *keyRing, from time.Time) error {
	last := 0
	for _, key := range seen.keys {
		number, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(key.file, string(k.purpose)+"-"), ".pem"))
		if err != nil {
			return fmt.Errorf("%s has no number in its name: rename it to %s-0001.pem", key.file, k.purpose)
		}
		last = max(last, number)
	}
	if err := createKey(k.folder, k.purpose, last+1, from); err != nil {
		return err
	}
	_, err := k.Refresh()
	return err
}

func (k *Keys) remove(keys []serverKey) error {
	for _, key := range keys {
		if err := os.Remove(filepath.Join(k.folder, key.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a key that is over: %w", err)
		}
	}
	return syncFolder(k.folder)
}
