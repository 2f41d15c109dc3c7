package accept

import (
	"net/http"
	"testing"
)

func TestEncoding(t *testing.T) {
	for header, want := range map[string]string{
		"":                          "",
		"gzip, deflate, br, zstd":   "br",
		"GZIP":                      "gzip",
		"gzip;q=0.5":                "gzip",
		"br;q=0, gzip":              "gzip",
		"identity":                  "",
		"*":                         "br",
		"*;q=0":                     "",
		"br;q=0, *":                 "gzip",
		"gzip;q=much, deflate;q=.1": "",
		"gzip; Q=1":                 "gzip",
	} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {header}}}
		if got := Encoding(r, "br", "gzip"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", header, got, want)
		}
	}
}
