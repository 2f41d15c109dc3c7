package reply

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// callbackPage asks before it records: programs that look at links (mail
// scanners, chat previews) must not give verdicts.
var callbackPage = template.Must(template.New("callback").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>Omen</title></head>
<body style="max-width:32rem;margin:10vh auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif">
<h1 style="font-size:1.2rem">{{ .Title }}</h1>
{{ with .Text }}<p>{{ . }}</p>{{ end }}
{{ if .Token }}<form method="post"><input type="hidden" name="t" value="{{ .Token }}">
<p><label>Your name <input name="who" maxlength="60" autocomplete="name"></label></p>
<p><button type="submit">Record</button></p></form>{{ end }}
</body></html>
`))

type callbackView struct{ Title, Text, Token string }

// maxCallback bounds what is read of a form.
const maxCallback = 4 << 10

// Page serves the links in messages at [CallbackPath]: GET asks, POST records. Forged and old tokens answer 403 and 410, used ones 409. It needs
// no other authentication: who holds the link was sent it.
func (b *Buttons) Page(log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
		code, view := b.callback(w, req, log)
		w.WriteHeader(code)
		if err := callbackPage.Execute(w, view); err != nil {
			log.Debug("callback page not written", "err", err)
		}
	})
}

func (b *Buttons) callback(w http.ResponseWriter, req *http.Request, log *slog.Logger) (int, callbackView) {
	now := time.Now()
	switch {
	case b == nil:
		return http.StatusNotFound, callbackView{Title: "Feedback links are off", Text: "notify: buttons: links is not set."}
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		token := req.URL.Query().Get("t")
		p, err := b.parse(req.Context(), token, now)
		if err != nil {
			return refusal(err, log)
		}
		return http.StatusOK, callbackView{Title: "Incident " + p.incident + ": " + p.label + "?", Token: token}
	case req.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		return http.StatusMethodNotAllowed, callbackView{Title: "Method not allowed"}
	}
	req.Body = http.MaxBytesReader(w, req.Body, maxCallback)
	if err := req.ParseForm(); err != nil {
		return http.StatusBadRequest, callbackView{Title: "The form cannot be read"}
	}
	who := message.OneLine(req.PostForm.Get("who"))
	if runes := []rune(who); len(runes) > 60 {
		who = string(runes[:60])
	}
	if who == "" {
		who = "somebody"
	}
	p, err := b.redeem(req.Context(), req.PostForm.Get("t"), who+" (by link)", now)
	if err != nil {
		return refusal(err, log)
	}
	return http.StatusOK, callbackView{Title: "Recorded: " + strings.ToLower(p.label), Text: "Thank you. You can close this page."}
}

// refusal is what the page says of a token that does not count.
func refusal(err error, log *slog.Logger) (int, callbackView) {
	switch {
	case errors.Is(err, errTooOld):
		return http.StatusGone, callbackView{Title: "This link has expired", Text: "Please give your verdict in Omen's web UI."}
	case errors.Is(err, omen.ErrDenied):
		return http.StatusForbidden, callbackView{Title: "This link is not valid"}
	case errors.Is(err, omen.ErrConflict):
		return http.StatusConflict, callbackView{Title: "This was already recorded"}
	case errors.Is(err, omen.ErrNotFound):
		return http.StatusNotFound, callbackView{Title: "There is no such incident any more"}
	}
	log.Error("feedback not recorded", "err", err)
	return http.StatusInternalServerError, callbackView{Title: "This could not be recorded", Text: "Please try again."}
}
