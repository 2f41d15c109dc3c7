// Package accept reads what a client of HTTP takes. Its one function is
// [Encoding]; it is for the two packages that answer browsers, api and web,
// which do not import each other. It refuses to encode anything itself.
package accept

import (
	"net/http"
	"strconv"
	"strings"
)

// Encoding is the first of the content codings offered that a request accepts,
// or "" for an answer as it is. A coding that the header does not name, not even
// by *, is not accepted (RFC 9110, section 12.5.3).
func Encoding(r *http.Request, offers ...string) string {
	quality := map[string]float64{}
	for _, line := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(line, ",") {
			name, parameter, weighted := strings.Cut(item, ";")
			q := 1.0
			if weighted {
				value, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q=")
				parsed, err := strconv.ParseFloat(value, 64)
				if !found || err != nil {
					continue // not understood: not accepted
				}
				q = parsed
			}
			quality[strings.ToLower(strings.TrimSpace(name))] = q
		}
	}
	for _, offer := range offers {
		q, named := quality[offer]
		if !named {
			q = quality["*"]
		}
		if q > 0 {
			return offer
		}
	}
	return ""
}
