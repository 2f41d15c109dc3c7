package message

import (
	"errors"
	"net/http"
	"testing"
)

func TestAnAnswerWithoutABodyEndsWithItsStatus(t *testing.T) {
	for body, want := range map[string]string{"": "answered 500 Internal Server Error", " \n": "answered 500 Internal Server Error", "no\nway": "answered 500 Internal Server Error: no way"} {
		err := Answer{Code: http.StatusInternalServerError, Status: "500 Internal Server Error", Header: http.Header{}, Body: []byte(body)}.Judge()
		var r Refusal
		if !errors.As(err, &r) || err.Error() != want {
			t.Errorf("body %q: %v, want %q", body, err, want)
		}
	}
}
