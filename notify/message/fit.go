package message

import (
	"fmt"
	"sort"

	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

// OmittedText ends the text of a message from which alerts were left out, with
// how many: a template to append to a text that has a Fit.
const OmittedText = `{{ template "omen.omitted" . }}`

// omitted is the annotation with which every alert of such a message says how
// many were left out.
const omitted model.LabelName = "omitted"

// first is the message with its first n alerts only.
func (m Message) first(n int) Message {
	shown, left := Escaped(m.Alerts[:n], func(s string) string { return s }), len(m.Alerts)-n // copies
	for _, a := range shown {
		if left > 0 {
			a.Annotations[omitted] = model.LabelValue(fmt.Sprint(left))
		}
	}
	m.Alerts = shown
	return m
}

// Fit is m with as many of its alerts as a channel takes, and the number of the
// others: channels cut a text at its end, where the others and their number
// would be, or refuse it. Of a first alert that does not fit alone the values
// are cut.
func Fit(m Message, fits func(Message) (bool, error)) (Message, error) {
	ok, err := fits(m)
	if ok || err != nil {
		return m, err
	}
	n := sort.Search(len(m.Alerts), func(i int) bool {
		ok, failed := fits(m.first(i + 1))
		if failed != nil {
			err = failed
		}
		return !ok
	})
	m = m.first(max(1, n))
	for _, longest := range []int{1000, 200, 50} {
		if n > 0 || err != nil {
			break
		}
		m.Alerts = Escaped(m.Alerts, func(s string) string {
			s, _ = amnotify.TruncateInRunes(s, longest)
			return s
		})
		if ok, err = fits(m); ok {
			break
		}
	}
	return m, err
}
