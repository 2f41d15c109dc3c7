//go:build !amd64 || purego

package simd

import "unsafe"

// vectorised is false: this build has the plain kernels only, and the compiler
// removes the calls of the functions below.
const vectorised = false

// Plainly runs f; there are no other kernels to compare with.
func Plainly(f func()) bool {
	f()
	return false
}

// Prefetch does nothing here.
func Prefetch(unsafe.Pointer, int, int) {}

func multiply4x16(*float32, int, *float32, int, int, *float32, int, *float32, int, int)             {}
func multiply8x8(*float32, int, *float32, int, int, *float32, int, *float32, int, int)              {}
func multiply4x8(*float32, int, *float32, int, int, *float32, int, *float32, int, int)              {}
func multiply1x8(*float32, int, *float32, int, int, *float32, int, *float32, int, int)              {}
func tanhVector(*float32, int, *[13]float32)                                                        {}
func deriveVector(*float32, *float32, int)                                                          {}
func hideVector(*float32, *float32, *float32, int, int32, *Random)                                  {}
func differVector(*float32, *float32, *float32, int, *Weights, *Tally)                              {}
func adamVector(*float32, *float32, *float32, *float32, int, *AdamStep)                             {}
func gather32(*float32, *float32, *int32, int, *float32, int)                                       {}
func gather8(*float32, *float32, *int32, int, *float32, int)                                        {}
func othersVector(*float32, *float32, *float32, *float32, int)                                      {}
func transposeVector(*float32, *float32, int)                                                       {}
func pick40(*float32, *float32, *uint8, *float32, *float32, int, int)                               {}
func pick8(*float32, *float32, *uint8, *float32, *float32, int, int)                                {}
func project40(*float32, *float32, *float32, int, int)                                              {}
func project8(*float32, *float32, *float32, int, int)                                               {}
func standardiseVector(*float64, *float64, *float64, *Scaling, int, *[16][Doubles]float64)          {}
func recentreVector(*float64, *float64, *float32, *float32, *bool, int, float64, *[Doubles]float64) {}
func temperVector(*float64, *float64, int, float64)                                                 {}
func followVector(*float32, *float32, int, float32)                                                 {}
func mixVector(*float32, *float32, *float32, int)                                                   {}
func travelVector(*float32, *float32, *float32, int, *float64, *float64, int)                       {}
func residualVector(*float32, *float64, *float32, int)                                              {}
func boundVector(*float64, *float64, *float64, *float64, *float32, *float32, *Scaling, *Range, int) {}
