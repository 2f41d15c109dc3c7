package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/alertmanager/template"

	"github.com/omenhq/omen/notify/message"
)

// rendering is how a channel's configuration writes messages, and what is sent
// where it cannot: a mistake in a template costs its text and not the message.
type rendering struct {
	kind     string
	conf     any
	texts    map[string]string // templates, by key
	defaults map[string]string
	render   message.Renderer
	restored *template.Template // the configuration's templates, but the built-in ones as they are built in
	make     maker

	mu      sync.Mutex
	builtIn map[string]message.Sender // by the keys that have their default
}

// shown are, by kind, groups of keys of which one at least has to say something:
// what a reader sees.
var shown = map[string][][]string{
	"telegram": {{"message"}}, "slack": {{"title", "text", "pretext", "message_text"}}, "email": {{"html"}, {"text"}},
	"discord": {{"content", "title", "message"}}, "webex": {{"message"}}, "msteams": {{"title", "text"}}, "msteamsv2": {{"title", "text"}},
	"rocketchat": {{"title", "text"}}, "mattermost": {{"title", "text"}}, "opsgenie": {{"message"}}, "victorops": {{"state_message"}},
	"pagerduty": {{"description"}}, "pushover": {{"title", "message"}}, "wechat": {{"message"}}, "jira": {{"summary", "summary.template"}},
}

var errBlank = errors.New("it renders to nothing")

// newRendering is nil for a configuration whose texts are all built in.
func newRendering(kind string, conf any, custom bool, r message.Renderer, restored *template.Template, make maker) *rendering {
	out := &rendering{
		kind: kind, conf: conf, texts: map[string]string{}, defaults: defaults(conf),
		render: r, restored: restored, make: make, builtIn: map[string]message.Sender{},
	}
	for key, text := range texts(conf) {
		custom = custom || text != out.defaults[key] && strings.Contains(text, "{{")
		if strings.Contains(text, "{{") || slices.ContainsFunc(shown[kind], func(keys []string) bool { return slices.Contains(keys, key) }) {
			out.texts[key] = text
		}
	}
	if !custom {
		return nil
	}
	return out
}

// check renders every example.
func (r *rendering) check(examples []example) error {
	if r == nil {
		return nil
	}
	for _, e := range examples {
		failing := r.failing(context.Background(), e.message)
		for _, key := range slices.Sorted(maps.Keys(failing)) {
			// A template may have nothing to say of what is over.
			if err := failing[key]; e.opened || !errors.Is(err, errBlank) {
				return under(key, fmt.Errorf("template %q, with %s as an example: %w", r.texts[key], e.name, err))
			}
		}
	}
	return nil
}

// failing are the keys whose templates cannot be rendered for a message, or
// leave it blank, and why.
func (r *rendering) failing(ctx context.Context, m message.Message) map[string]error {
	failing, out := map[string]error{}, map[string]string{}
	data := r.render.Data(ctx, m, message.Plain)
	html := r.kind == "telegram" && texts(r.conf)["parse_mode"] == "HTML"
	for key, text := range r.texts {
		execute := r.render.Templates.ExecuteTextString
		if key == "html" || html && key == "message" {
			execute = r.render.Templates.ExecuteHTMLString
		}
		var err error
		if out[key], err = execute(text, data); err != nil {
			failing[key] = err
		}
	}
	for _, keys := range shown[r.kind] {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return r.texts[key] == "" })
		blank := func(key string) bool { return strings.TrimSpace(out[key]) == "" && failing[key] == nil }
		if len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !blank(key) }) {
			for _, key := range keys {
				failing[key] = errBlank
			}
		}
	}
	return failing
}

// sender is the sender for a message: the given one or, where templates fail,
// one that has built-in texts in their place, and why.
func (r *rendering) sender(ctx context.Context, m message.Message, own message.Sender) (s message.Sender, why error) {
	if r == nil {
		return own, nil
	}
	failing := r.failing(ctx, m)
	if len(failing) == 0 {
		return own, nil
	}
	keys := slices.Sorted(maps.Keys(failing))
	name := strings.Join(keys, ", ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.builtIn[name] == nil {
		conf := withTexts(r.conf, func(key, text string) string {
			if failing[key] != nil {
				return r.defaults[key]
			}
			return text
		})
		render := r.render
		render.Templates = r.restored
		s, err := r.make(conf, render)
		if err != nil {
			return own, fmt.Errorf("template of %s: %w, and no built-in text: %w", name, failing[keys[0]], err)
		}
		r.builtIn[name] = s
	}
	return r.builtIn[name], fmt.Errorf("template of %s: %w", name, failing[keys[0]])
}
