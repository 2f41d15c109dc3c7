package reply

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// Whatever is posted to the feedback page, only a token that is ours, in time
// and not used before counts, and nothing that was sent comes back as markup.
func FuzzCallbackBody(f *testing.F) {
	s := &operator{}
	b := newButtons(f, messagetest.Store(f), s)
	page := b.Page(messagetest.Log(f))
	now := time.Now()
	used, ok := b.token("a", "r", now)
	old, _ := b.token("a", "r", now.Add(-10*365*24*time.Hour))
	if _, err := b.redeem(f.Context(), used, "ada", now); err != nil || !ok {
		f.Fatal(err)
	}
	asks := NewApprovals(b.Options, &approver{})
	approve, _ := asks.seal(approvalPurpose, letterApprove, "a0123456789ab", now)
	form := func(token, who string) string { return url.Values{"t": {token}, "who": {who}}.Encode() }
	for _, body := range []string{
		"", "t", "t=", form(used, "eve"), form(old, "eve"), form(used[:len(used)-1], "eve"), form("n"+used[1:], "eve"),
		form(used+"\x00", "a\r\nb"), form("<script>alert(1)</script>", "<b>"), form(used, strings.Repeat("x", 5000)),
		form(approve, "ann"), form("r"+approve[1:], "ann"), "t=%zz", "t=a;who=b", "who=a&who=b&t=" + old + "&t=" + used, strings.Repeat("a=b&", 3000), "\xff\xfe", `{"t":"` + used + `"}`,
	} {
		f.Add("POST", body)
		f.Add("GET", body)
	}
	f.Fuzz(func(t *testing.T, method, body string) {
		req := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: CallbackPath}, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: http.NoBody}
		if method == http.MethodGet {
			req.Method, req.URL.RawQuery = method, body
		} else {
			req = httptest.NewRequest(http.MethodPost, CallbackPath, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusGone, http.StatusConflict:
		case http.StatusOK:
			if req.Method != http.MethodGet { // asking may answer for the token that is used
				t.Errorf("%q counts", body)
			}
		default:
			t.Errorf("%s %q: %d", req.Method, body, w.Code)
		}
		if text := strings.ToLower(w.Body.String()); strings.Contains(text, "<script") || strings.Contains(text, "<b>") {
			t.Errorf("%q comes back as markup: %s", body, text)
		}
		if got := s.got(); len(got) != 1 {
			t.Fatalf("verdicts %v, want the first alone", got)
		}
	})
}

// Whatever a chat sends back as a button, a decision is made only by the two tokens
// that were sent, each for what it says, and nothing but them is taken for one.
func FuzzPressedToken(f *testing.F) {
	db, who := messagetest.Store(f), &approver{}
	b := newButtons(f, db, &operator{})
	asks := NewApprovals(b.Options, who)
	now := time.Now()
	const id = "a0123456789ab"
	approve, _ := asks.seal(approvalPurpose, letterApprove, id, now)
	decline, _ := asks.seal(approvalPurpose, letterDecline, id, now)
	other, _ := asks.seal(approvalPurpose, "r", id, now)
	old, _ := asks.seal(approvalPurpose, letterApprove, id, now.Add(-10*365*24*time.Hour))
	verdict, _ := b.token(id, letterApprove, now)
	for _, token := range []string{
		approve, decline, other, old, verdict, "", ".", "y", "y.", "d..", "y." + id, "d" + approve[1:], "y" + decline[1:], approve + ".", approve + "\x00",
		strings.ToUpper(approve), approve[:len(approve)-1], "y.." + approve, strings.Repeat("y.", 3000), "y." + id + ".zzzzzz." + approve[len(approve)-16:], "\xff",
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		who.all = nil
		asks.press(t.Context(), message.Press{Token: token, Account: 12345, Name: "@ann", Known: true}, now, messagetest.Log(t))
		want := map[string]string{approve: "approve " + id + " 12345 @ann", decline: "decline " + id + " 12345 @ann"}[token]
		if got := strings.Join(who.all, "; "); got != want {
			t.Errorf("%q: %q, want %q", token, got, want)
		}
	})
}
