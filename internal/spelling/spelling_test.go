package spelling

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"alert", "record", "expr", "for"}
	for text, want := range map[string]string{"alertt": "alert", "Alert": "alert", "exprs": "expr", "fro": "for", "used": "", "wen": "", "of": "", "fo": "for", "colour": "", "": ""} {
		if got := Nearest(text, known); got != want {
			t.Errorf("%q is taken for %q, want %q", text, got, want)
		}
	}
}
