// Package settings reads what an operator can set about a program: defaults, a YAML
// file, the environment and flags, each over the former. Unknown names are refused.
package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Source is where settings come from.
type Source struct {
	Flags   *pflag.FlagSet // "config" names the YAML file
	Environ []string
	Prefix  string // of environment variables
	// Name turns a variable into the name of a setting; empty says that the variable is
	// somebody else's. nil takes SettingName.
	Name func(variable string) string
}

// Load fills a struct, whose fields carry koanf tags and whose values are the defaults.
func Load[T any](into *T, src Source) error {
	k := koanf.New(".")
	if err := k.Load(structs.Provider(*into, "koanf"), nil); err != nil {
		return err
	}
	known := k.Keys()
	if path, _ := src.Flags.GetString("config"); path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return fmt.Errorf("settings file %s: %w", path, err)
		}
	}
	if err := k.Load(src.environment(), nil); err != nil {
		return err
	}
	if err := k.Load(src.flags(k, known), nil); err != nil {
		return err
	}
	if err := src.refuseUnknown(k.Keys(), known); err != nil {
		return err
	}
	if err := k.Unmarshal("", into); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// SettingName is the setting behind a variable: the lower-case rest after the prefix.
func SettingName(prefix, variable string) string {
	return strings.ToLower(strings.TrimPrefix(variable, prefix))
}

func (s Source) environment() koanf.Provider {
	return env.Provider(".", env.Opt{
		Prefix: s.Prefix,
		TransformFunc: func(key, value string) (string, any) {
			if s.Name != nil {
				return s.Name(key), value
			}
			return SettingName(s.Prefix, key), value
		},
		EnvironFunc: func() []string { return s.Environ },
	})
}

func (s Source) flags(k *koanf.Koanf, known []string) koanf.Provider {
	return posflag.ProviderWithFlag(s.Flags, ".", k, func(f *pflag.Flag) (string, any) {
		name := strings.ReplaceAll(f.Name, "-", "_")
		if !f.Changed || !slices.Contains(known, name) { // a command's own flag
			return "", nil
		}
		return name, posflag.FlagVal(s.Flags, f)
	})
}

func (s Source) refuseUnknown(given, known []string) error {
	for _, key := range given {
		if key != "" && !slices.Contains(known, key) {
			return fmt.Errorf("there is no setting %q (as a variable %s%s)", key, s.Prefix, strings.ToUpper(key))
		}
	}
	return nil
}
