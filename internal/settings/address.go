package settings

import (
	"fmt"
	"net"
)

// SplitAddress takes a listening address apart; setting is what it is called.
func SplitAddress(setting, address string) (host, port string, err error) {
	if host, port, err = net.SplitHostPort(address); err != nil || port == "" {
		return "", "", fmt.Errorf("%s: %q is not host:port", setting, address)
	}
	return host, port, nil
}

// IsLoopback reports whether a host can be reached from this machine alone.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// OrLoopback is where a listener on a host is reached from this machine: the host, or
// the loopback address when it stands for all addresses.
func OrLoopback(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
