package main

// kept is put into a package whose slow function is a pure one: it finds again,
// by all that the function depends on, what was made of the same before. With
// OMEN_KEEP it also stores what was not found.
const kept = `package %s

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

type keptKey struct{ bytes.Buffer }

func (k *keptKey) add(parts ...any) {
	for _, p := range parts {
		if b, ok := p.([]byte); ok {
			sum := sha256.Sum256(b)
			p = hex.EncodeToString(sum[:])
		}
		fmt.Fprintf(k, "%%v|", p)
	}
}

func (k *keptKey) path() string {
	sum := sha256.Sum256(k.Bytes())
	return filepath.Join(os.Getenv("OMEN_KEPT"), hex.EncodeToString(sum[:]))
}

func (k *keptKey) find(into any) bool {
	data, err := os.ReadFile(k.path())
	return err == nil && gob.NewDecoder(bytes.NewReader(data)).Decode(into) == nil
}

func (k *keptKey) keep(what any) error {
	if os.Getenv("OMEN_KEEP") == "" {
		return nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(what); err != nil {
		return err
	}
	return os.WriteFile(k.path(), b.Bytes(), 0o600)
}
`

// slow are the functions that are named …Afresh where they are, and what stands
// in their place, by package.
var slow = map[string]struct{ id, text string }{
	"autoencoder": {"Train", keptNetworks},
	"training":    {"Run", keptModels},
}

// keptNetworks finds networks again: whatever constant is another, a network
// follows from the rows that it is trained on.
const keptNetworks = `package autoencoder

import (
	"context"
	"unsafe"
)

func Train(ctx context.Context, rows []float32, width int, o Options) (*Network, Report, error) {
	var key keptKey
	var warm []byte
	if o.Warm != nil {
		warm, _ = o.Warm.MarshalBinary()
	}
	plain := o
	plain.Warm, plain.Progress = nil, nil
	key.add("network", unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), 4*len(rows)), width, plain, warm)
	var was struct {
		Net    []byte
		Report Report
	}
	if key.find(&was) {
		n, err := Unmarshal(was.Net)
		return n, was.Report, err
	}
	n, report, err := TrainAfresh(ctx, rows, width, o)
	if err != nil {
		return n, report, err
	}
	was.Net, _ = n.MarshalBinary()
	was.Report = report
	return n, report, key.keep(was)
}
`

// keptModels finds models again: they follow from the history, what is left out
// of it, the model before, and those constants that a fit reads, which are in
// OMEN_FITTED. With OMEN_FROZEN they are those that the kept run made at the same
// times, whatever is left out of the history or served before.
const keptModels = `package training

import (
	"context"
	"errors"
	"os"
	"unsafe"

	"github.com/omenhq/omen/detect"
)

func Run(ctx context.Context, t Task) (Result, error) {
	var key, then keptKey
	var before []byte
	if t.Champion != nil {
		var err error
		if before, err = t.Champion.MarshalBinary(); err != nil {
			return Result{}, err
		}
	}
	plain := t.Options
	plain.Warm, plain.Progress = nil, nil
	key.add("model", os.Getenv("OMEN_FITTED"), t.Schema.Hash(), plain, before, len(t.Vectors))
	then.add("then", t.Schema.Hash(), len(t.Vectors))
	all := make([]byte, 0, 1<<20)
	for _, v := range t.Vectors {
		at := v.At.UnixNano()
		all = append(all, unsafe.Slice((*byte)(unsafe.Pointer(&at)), 8)...)
		all = append(all, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v.Values))), 8*len(v.Values))...)
	}
	key.add(all)
	then.add(all)
	var was struct {
		Model    []byte
		Promoted bool
		Why      string
	}
	if key.find(&was) || os.Getenv("OMEN_FROZEN") != "" && then.find(&was) {
		m, err := detect.Load(was.Model, t.Schema)
		return Result{Model: m, Promoted: was.Promoted, Why: was.Why}, errors.Join(err, then.keep(was))
	}
	r, err := RunAfresh(ctx, t)
	if err != nil {
		return r, err
	}
	if was.Model, err = r.Model.MarshalBinary(); err != nil {
		return r, err
	}
	was.Promoted, was.Why = r.Promoted, r.Why
	return r, errors.Join(key.keep(was), then.keep(was))
}
`

// environment is what a run is to know of a constant, and of the folder where
// models are kept; frozen: for constants that no fit reads models do not change.
func environment(c constant, by, folder string, frozen, keep bool) []string {
	all := []string{"OMEN_CONSTANT=" + c.name(), "OMEN_SCALE=" + by, "OMEN_KEPT=" + folder}
	switch {
	case c.fit:
		all = append(all, "OMEN_FITTED="+c.name()+"="+by)
	case frozen && !keep:
		all = append(all, "OMEN_FROZEN=1")
	}
	if keep {
		all = append(all, "OMEN_KEEP=1")
	}
	return all
}
