package notice

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed messages/*.json
var files embed.FS

// DefaultLanguage is used for partners, and where a language is not there.
const DefaultLanguage = "en"

// words are the texts of one language. A language more is a file more.
type words map[string]string

// catalogue holds the words of each language.
type catalogue map[string]words

func loadCatalogue() (catalogue, error) {
	entries, err := files.ReadDir("messages")
	if err != nil {
		return nil, err
	}
	out := catalogue{}
	for _, e := range entries {
		raw, err := files.ReadFile("messages/" + e.Name())
		if err != nil {
			return nil, err
		}
		w := words{}
		if err := json.Unmarshal(raw, &w); err != nil {
			return nil, fmt.Errorf("messages/%s: %w", e.Name(), err)
		}
		out[strings.TrimSuffix(e.Name(), ".json")] = w
	}
	if out[DefaultLanguage] == nil {
		return nil, fmt.Errorf("messages: there is no %s.json", DefaultLanguage)
	}
	return out, nil
}

func (c catalogue) in(language string) words {
	if w, ok := c[language]; ok {
		return w
	}
	return c[DefaultLanguage]
}

// say fills the places of a text, written {name}, in one pass: what stands in a value is
// never taken for a place.
func (w words) say(key string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(w[key])
}

// scope is a scope in words; one without words as it is.
func (w words) scope(name string) string {
	if text, ok := w["scope."+name]; ok {
		return text
	}
	return name
}
