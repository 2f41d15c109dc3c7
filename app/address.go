package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// addressFile is below the storage path: the address of the Omen that has it.
const addressFile = "address"

// Address is where the Omen answers that has a storage path; empty: none has it,
// or it has not said so yet. One that was killed leaves it behind.
func Address(storage string) string {
	text, _ := os.ReadFile(filepath.Join(storage, addressFile)) // none is none
	return strings.TrimSpace(string(text))
}

// keepAddress lets commands find this Omen by its storage path, until it ends.
func (p *process) keepAddress(down *teardown) {
	path := filepath.Join(p.o.StoragePath, addressFile)
	if err := os.WriteFile(path, []byte(p.address+"\n"), 0o600); err != nil {
		p.log.Warn("address not kept: commands on this directory need --url", "path", path, "err", err)
		return
	}
	down.add("address", func(context.Context) error { _ = os.Remove(path); return nil }) // the directory may be gone
}
