// Package must ends a test at an error that it did not expect: [OK] for what
// gives an error alone, [Get] for what gives a value, too. It says nothing of
// errors that a test is about; those are compared where they are.
package must

import "testing"

// OK ends the test if there is an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Get takes a call's results and gives its value, or ends the test:
// must.Get(os.ReadFile(path))(t).
func Get[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
