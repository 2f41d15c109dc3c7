package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// maxAnswer bounds what a client reads of an answer, in bytes.
const maxAnswer = 64 << 20

// Client asks the API of a running Omen ([NewClient]) or of a database that no
// Omen has open ([Stored]). Paths are those below /api/v1/omen/; errors carry
// the API's hint.
type Client struct {
	name, base string // what errors call it; where its routes are
	http       *http.Client
	user, pass string // empty: nobody signs in
}

// NewClient asks the Omen at an address such as http://127.0.0.1:9909.
func NewClient(address string) *Client {
	return &Client{name: address, base: strings.TrimRight(address, "/"), http: http.DefaultClient}
}

// Stored reads what a database holds: incidents and models, but no live state.
// It can only Get.
func Stored(db *store.DB, name string) *Client {
	return &Client{name: name, base: "http://stored", http: &http.Client{Transport: direct{New(Options{Store: db}).Handler()}}}
}

// As is the same client, signed in as a user.
func (c *Client) As(user, password string) *Client {
	as := *c
	as.user, as.pass = user, password
	return &as
}

// Copy writes a route's answer to to, as it is.
func (c *Client) Copy(ctx context.Context, path string, to io.Writer) error {
	body, err := c.ask(ctx, http.MethodGet, path, nil)
	if err == nil {
		_, err = to.Write(body)
	}
	return err
}

// Get reads a route's answer into a wire struct.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// Post sends a wire struct and reads the answer into another.
func (c *Client) Post(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.name, err)
	}
	return c.do(ctx, http.MethodPost, path, text, into)
}

const printed = "give the address that omen serve printed, such as http://127.0.0.1:9909"

func (c *Client) do(ctx context.Context, method, path string, send []byte, into any) error {
	body, err := c.ask(ctx, method, path, send)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return omen.WithHint(fmt.Errorf("ask %s for %s: the answer is not Omen's: %w", c.name, path, err), printed)
	}
	return nil
}

// ask is the body of an answer that is no error.
func (c *Client) ask(ctx context.Context, method, path string, send []byte) ([]byte, error) {
	if u, err := url.Parse(c.base); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		err := fmt.Errorf("ask %s: it is not an http or https URL with a host: %w", c.name, omen.ErrInvalid)
		if with, wrong := url.Parse("http://" + c.base); wrong == nil && with.Hostname() != "" && !strings.Contains(c.name, "://") {
			return nil, omen.WithHint(err, "write "+with.String())
		}
		return nil, omen.WithHint(err, printed)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+base+"/"+path, bytes.NewReader(send))
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("ask %s: %w", c.name, err), printed)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.user != "" {
		r.SetBasicAuth(c.user, c.pass)
	}
	got, err := c.http.Do(r)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("ask %s: %w: %w", c.name, omen.ErrUnavailable, err), "is omen serve running there? It prints its address when it starts")
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", c.name, path, err)
	}
	if got.StatusCode >= http.StatusMultipleChoices {
		var said Error
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			said.Error = got.Status
		}
		if got.StatusCode == http.StatusUnauthorized {
			said.Hint = "it has users: name one with --web.user=NAME --web.password-file=FILE"
		}
		return nil, omen.WithHint(fmt.Errorf("ask %s: %w", c.name, answered{said.Error, got.StatusCode}), said.Hint)
	}
	return body, nil
}

// answered is an answer that is an error; of those [omen.ErrNotFound] and
// [omen.ErrDenied] are distinguished.
type answered struct {
	text   string
	status int
}

func (r answered) Error() string { return r.text }

// Is implements [errors.Is].
func (r answered) Is(target error) bool {
	return target == omen.ErrNotFound && r.status == http.StatusNotFound ||
		target == omen.ErrDenied && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden)
}

// direct answers requests by a handler of this process.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &kept{status: http.StatusOK, header: http.Header{}}
	d.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Body: io.NopCloser(w), Request: r}, nil
}

// kept is a response that is kept in memory.
type kept struct {
	bytes.Buffer
	status int
	header http.Header
}

func (k *kept) Header() http.Header    { return k.header }
func (k *kept) WriteHeader(status int) { k.status = status }
