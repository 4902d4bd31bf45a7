package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"path"
	"strings"
)

//go:embed assets icons/*.svg
var files embed.FS

// asset is a file that a page loads. Its public name holds a digest of its bytes, so that
// a browser may keep it for ever.
type asset struct {
	contentType string
	tag         string
	body        []byte
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

// assets are the published files by public name, and their addresses by file name.
type assets struct {
	published map[string]asset
	addresses map[string]string
	icons     map[string]template.HTML
}

func loadAssets() (*assets, error) {
	a := &assets{published: map[string]asset{}, addresses: map[string]string{}, icons: map[string]template.HTML{}}
	entries, err := files.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		body, err := files.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, err
		}
		a.publish(entry.Name(), body)
	}
	icons, err := files.ReadDir("icons")
	if err != nil {
		return nil, err
	}
	for _, entry := range icons {
		body, err := files.ReadFile("icons/" + entry.Name())
		if err != nil {
			return nil, err
		}
		// Icons are our own files; they take the colour of the text around them, which
		// an image from an address could not.
		a.icons[strings.TrimSuffix(entry.Name(), ".svg")] = template.HTML(strings.TrimSpace(string(body))) //nolint:gosec // our own files, embedded
	}
	return a, nil
}

func (a *assets) publish(name string, body []byte) {
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	public := strings.TrimSuffix(name, ext) + "." + digest + ext
	a.published[public] = asset{contentType: assetTypes[ext], tag: `"` + digest + `"`, body: body}
	a.addresses[name] = assetPath + public
}

// address is where a page finds a file.
func (a *assets) address(name string) (string, error) {
	found, ok := a.addresses[name]
	if !ok {
		return "", fmt.Errorf("no file %s is embedded", name)
	}
	return found, nil
}

// icon is a picture that adds nothing to the words beside it.
func (a *assets) icon(name string) (template.HTML, error) {
	found, ok := a.icons[name]
	if !ok {
		return "", fmt.Errorf("no icon %s is embedded", name)
	}
	return found, nil
}
