package webhook

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands for what is not shown, as in a configuration that is printed.
const hidden = "<secret>"

// secretKey are the names of what holds a secret in a body or a query, as a
// configuration that is printed knows them.
var secretKey = regexp.MustCompile(`(?i)password|secret|token|key|credential`)

// shown is an address without what may be secret: user, password, query and fragment.
// What is no address may be one as a whole.
func shown(address string) string {
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return hidden
	}
	before, _, _ := strings.Cut(address, "#")
	before, _, _ = strings.Cut(before, "?")
	scheme, rest, _ := strings.Cut(before, "://")
	host, path, slash := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if slash {
		path = "/" + path
	}
	return scheme + "://" + host + path
}

// masked is a body without the values whose keys say that they are secret.
func masked(body any) any {
	switch b := body.(type) {
	case map[string]any:
		out := make(map[string]any, len(b))
		for key, value := range b {
			if out[key] = masked(value); secretKey.MatchString(key) {
				out[key] = hidden
			}
		}
		return out
	case []any:
		out := make([]any, len(b))
		for i, value := range b {
			out[i] = masked(value)
		}
		return out
	}
	return body
}

// leastSecret is the shortest text that is taken out of another side's answers: a
// shorter one is in many words.
const leastSecret = 4

// secrets takes what the settings hold in secret out of a text: other sides repeat
// in their answers what they were sent.
func (s Settings) secrets() *strings.Replacer {
	var all []string
	addresses := []string{s.URL, s.UndoURL}
	if s.Status != nil {
		addresses = append(addresses, s.Status.URL)
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		password, _ := u.User.Password()
		all = append(all, password)
		for key, values := range u.Query() {
			if secretKey.MatchString(key) {
				all = append(all, values...)
			}
		}
	}
	all = append(append(all, s.Secret), secretsIn(s.Body, false)...)
	if b := s.HTTP.BasicAuth; b != nil {
		all = append(all, string(b.Password))
	}
	if a := s.HTTP.Authorization; a != nil {
		all = append(all, string(a.Credentials))
	}
	if h := s.HTTP.HTTPHeaders; h != nil {
		for _, header := range h.Headers {
			for _, secret := range header.Secrets {
				all = append(all, string(secret))
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // one may begin with another, whose rest would be shown
	var pairs []string
	for _, secret := range all {
		if len(secret) >= leastSecret && !hole.MatchString(secret) && !slices.Contains(pairs, secret) {
			pairs = append(pairs, secret, hidden)
		}
	}
	return strings.NewReplacer(pairs...)
}

// secretsIn are the texts of a body whose keys say that they are secret.
func secretsIn(body any, secret bool) (all []string) {
	switch b := body.(type) {
	case string:
		if secret {
			all = append(all, b)
		}
	case map[string]any:
		for key, value := range b {
			all = append(all, secretsIn(value, secret || secretKey.MatchString(key))...)
		}
	case []any:
		for _, value := range b {
			all = append(all, secretsIn(value, secret)...)
		}
	}
	return all
}
