//go:build amd64 && !purego

#include "macros_amd64.h"

// ENTER loads the arguments that all multiply kernels share: DI c, R8 its
// stride in bytes, SI a, R9 and R10 its strides, R12 3·R9, DX b, R11 its
// stride, R13 tiles.
#define ENTER \
	MOVQ c+0(FP), DI      \
	MOVQ cs+8(FP), R8     \
	MOVQ a+16(FP), SI     \
	MOVQ ars+24(FP), R9   \
	MOVQ aks+32(FP), R10  \
	MOVQ b+40(FP), DX     \
	MOVQ bs+48(FP), R11   \
	MOVQ tiles+64(FP), R13 \
	SHLQ $2, R8           \
	SHLQ $2, R9           \
	SHLQ $2, R10          \
	SHLQ $2, R11          \
	LEAQ (R9)(R9*2), R12

// START begins a tile: AX and BX walk along a and b, CX counts the depth.
#define START \
	MOVQ SI, AX          \
	MOVQ DX, BX          \
	MOVQ depth+72(FP), CX

// STEP16 adds a[row,k]·b[k,0:16] to the accumulators lo and hi. (As two TERMs it
// takes a twentieth longer.)
#define STEP16(addr, lo, hi, t0, t1) \
	VBROADCASTSS addr, t0 \
	VMULPS Y8, t0, t1     \
	VMULPS Y9, t0, t0     \
	VADDPS t1, lo, lo     \
	VADDPS t0, hi, hi

// STEP8 adds a[row,k]·b[k,0:8] to the accumulator.
#define STEP8(addr, acc, t) \
	VBROADCASTSS addr, t \
	TERM(Y8, t, acc, t)

// func multiply4x16(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)
TEXT ·multiply4x16(SB), NOSPLIT, $0-80
	ENTER
	MOVQ bias+56(FP), BX
	VMOVUPS (BX), Y14
	VMOVUPS 32(BX), Y15

tile:
	START
	VMOVAPS Y14, Y0
	VMOVAPS Y15, Y1
	VMOVAPS Y14, Y2
	VMOVAPS Y15, Y3
	VMOVAPS Y14, Y4
	VMOVAPS Y15, Y5
	VMOVAPS Y14, Y6
	VMOVAPS Y15, Y7

	PCALIGN $64
deeper:
	VMOVUPS (BX), Y8
	VMOVUPS 32(BX), Y9
	STEP16((AX), Y0, Y1, Y10, Y11)
	STEP16((AX)(R9*1), Y2, Y3, Y12, Y13)
	STEP16((AX)(R9*2), Y4, Y5, Y10, Y11)
	STEP16((AX)(R12*1), Y6, Y7, Y12, Y13)
	ADDQ R10, AX
	ADDQ R11, BX
	DECQ CX
	JNZ  deeper

	LEAQ (R8)(R8*2), AX
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, (DI)(R8*1)
	VMOVUPS Y3, 32(DI)(R8*1)
	VMOVUPS Y4, (DI)(R8*2)
	VMOVUPS Y5, 32(DI)(R8*2)
	VMOVUPS Y6, (DI)(AX*1)
	VMOVUPS Y7, 32(DI)(AX*1)
	LEAQ (DI)(R8*4), DI
	LEAQ (SI)(R9*4), SI
	DECQ R13
	JNZ  tile
	VZEROUPPER
	RET

// func multiply8x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)
TEXT ·multiply8x8(SB), NOSPLIT, $0-80
	ENTER
	MOVQ bias+56(FP), BX
	VMOVUPS (BX), Y14

tile:
	START
	VMOVAPS Y14, Y0
	VMOVAPS Y14, Y1
	VMOVAPS Y14, Y2
	VMOVAPS Y14, Y3
	VMOVAPS Y14, Y4
	VMOVAPS Y14, Y5
	VMOVAPS Y14, Y6
	VMOVAPS Y14, Y7

	PCALIGN $64
deeper:
	VMOVUPS (BX), Y8
	STEP8((AX), Y0, Y9)
	STEP8((AX)(R9*1), Y1, Y10)
	STEP8((AX)(R9*2), Y2, Y11)
	STEP8((AX)(R12*1), Y3, Y12)
	LEAQ (AX)(R9*4), AX
	STEP8((AX), Y4, Y9)
	STEP8((AX)(R9*1), Y5, Y10)
	STEP8((AX)(R9*2), Y6, Y11)
	STEP8((AX)(R12*1), Y7, Y12)
	ADDQ R11, BX
	SUBQ R9, AX
	SUBQ R12, AX
	ADDQ R10, AX
	DECQ CX
	JNZ  deeper

	LEAQ (R8)(R8*2), AX
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(R8*1)
	VMOVUPS Y2, (DI)(R8*2)
	VMOVUPS Y3, (DI)(AX*1)
	LEAQ (DI)(R8*4), DI
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, (DI)(R8*1)
	VMOVUPS Y6, (DI)(R8*2)
	VMOVUPS Y7, (DI)(AX*1)
	LEAQ (DI)(R8*4), DI
	LEAQ (SI)(R9*8), SI
	DECQ R13
	JNZ  tile
	VZEROUPPER
	RET

// func multiply4x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)
TEXT ·multiply4x8(SB), NOSPLIT, $0-80
	ENTER
	MOVQ bias+56(FP), BX
	VMOVUPS (BX), Y14

tile:
	START
	VMOVAPS Y14, Y0
	VMOVAPS Y14, Y1
	VMOVAPS Y14, Y2
	VMOVAPS Y14, Y3

	PCALIGN $64
deeper:
	VMOVUPS (BX), Y8
	STEP8((AX), Y0, Y9)
	STEP8((AX)(R9*1), Y1, Y10)
	STEP8((AX)(R9*2), Y2, Y11)
	STEP8((AX)(R12*1), Y3, Y12)
	ADDQ R10, AX
	ADDQ R11, BX
	DECQ CX
	JNZ  deeper

	LEAQ (R8)(R8*2), AX
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(R8*1)
	VMOVUPS Y2, (DI)(R8*2)
	VMOVUPS Y3, (DI)(AX*1)
	LEAQ (DI)(R8*4), DI
	LEAQ (SI)(R9*4), SI
	DECQ R13
	JNZ  tile
	VZEROUPPER
	RET

// func multiply1x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)
TEXT ·multiply1x8(SB), NOSPLIT, $0-80
	ENTER
	MOVQ bias+56(FP), BX
	VMOVUPS (BX), Y14

tile:
	START
	VMOVAPS Y14, Y0

	PCALIGN $64
deeper:
	VMOVUPS (BX), Y8
	STEP8((AX), Y0, Y9)
	ADDQ R10, AX
	ADDQ R11, BX
	DECQ CX
	JNZ  deeper

	VMOVUPS Y0, (DI)
	ADDQ R8, DI
	ADDQ R9, SI
	DECQ R13
	JNZ  tile
	VZEROUPPER
	RET

// func tanhVector(x *float32, groups int, table *[13]float32)
TEXT ·tanhVector(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), DI
	MOVQ groups+8(FP), CX
	MOVQ table+16(FP), AX
	VBROADCASTSS 0(AX), Y15  // max
	VBROADCASTSS 4(AX), Y14  // -max
	VBROADCASTSS 8(AX), Y13  // P13
	VBROADCASTSS 12(AX), Y12 // P11
	VBROADCASTSS 16(AX), Y11 // P9
	VBROADCASTSS 20(AX), Y10 // P7
	VBROADCASTSS 24(AX), Y9  // P5
	VBROADCASTSS 28(AX), Y8  // P3
	VBROADCASTSS 32(AX), Y7  // P1
	VBROADCASTSS 36(AX), Y6  // Q6
	VBROADCASTSS 40(AX), Y5  // Q4
	VBROADCASTSS 44(AX), Y4  // Q2
	VBROADCASTSS 48(AX), Y3  // Q0

	PCALIGN $64
next:
	VMOVUPS (DI), Y0
	VMINPS Y0, Y15, Y0
	VMAXPS Y0, Y14, Y0
	VMULPS Y0, Y0, Y1 // q
	VMULPS Y13, Y1, Y2
	VADDPS Y12, Y2, Y2
	VMULPS Y1, Y2, Y2
	VADDPS Y11, Y2, Y2
	VMULPS Y1, Y2, Y2
	VADDPS Y10, Y2, Y2
	VMULPS Y1, Y2, Y2
	VADDPS Y9, Y2, Y2
	VMULPS Y1, Y2, Y2
	VADDPS Y8, Y2, Y2
	VMULPS Y1, Y2, Y2
	VADDPS Y7, Y2, Y2
	VMULPS Y0, Y2, Y2 // p
	VMULPS Y6, Y1, Y0
	VADDPS Y5, Y0, Y0
	VMULPS Y1, Y0, Y0
	VADDPS Y4, Y0, Y0
	VMULPS Y1, Y0, Y0
	VADDPS Y3, Y0, Y0 // d
	VDIVPS Y0, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $32, DI
	DECQ CX
	JNZ  next
	VZEROUPPER
	RET

// ONES sets y to eight times 1.
#define ONES(y) \
	VPCMPEQD y, y, y \
	VPSLLD $25, y, y \
	VPSRLD $2, y, y

// func deriveVector(d, h *float32, groups int)
TEXT ·deriveVector(SB), NOSPLIT, $0-24
	MOVQ d+0(FP), DI
	MOVQ h+8(FP), SI
	MOVQ groups+16(FP), CX
	ONES(Y3)

next:
	VMOVUPS (SI), Y0
	VMULPS Y0, Y0, Y0
	VSUBPS Y0, Y3, Y0
	VMULPS (DI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  next
	VZEROUPPER
	RET

// func hideVector(in, present, x *float32, groups int, threshold int32, s *Random)
TEXT ·hideVector(SB), NOSPLIT, $0-48
	MOVQ in+0(FP), DI
	MOVQ present+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ groups+24(FP), CX
	MOVL threshold+32(FP), AX
	VMOVD AX, X7
	VPBROADCASTD X7, Y7
	MOVQ s+40(FP), AX
	VMOVDQU 0(AX), Y0
	VMOVDQU 32(AX), Y1
	VMOVDQU 64(AX), Y2
	VMOVDQU 96(AX), Y3
	ONES(Y6)

next:
	VPADDD Y3, Y0, Y4
	VPSRLD $1, Y4, Y4
	VPCMPGTD Y4, Y7, Y4      // hidden: threshold > draw
	VPSLLD $9, Y1, Y5        // t
	VPXOR Y0, Y2, Y2
	VPXOR Y1, Y3, Y3
	VPXOR Y2, Y1, Y1
	VPXOR Y3, Y0, Y0
	VPXOR Y5, Y2, Y2
	VPSLLD $11, Y3, Y5
	VPSRLD $21, Y3, Y3
	VPOR Y5, Y3, Y3
	VMOVUPS (SI), Y8
	VCMPPS $7, Y8, Y8, Y9    // not NaN
	VPANDN Y9, Y4, Y9        // not hidden and not NaN
	VANDPS Y8, Y9, Y8
	VANDPS Y6, Y9, Y9
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DX)
	ADDQ $32, SI
	ADDQ $32, DI
	ADDQ $32, DX
	DECQ CX
	JNZ  next

	VMOVDQU Y0, 0(AX)
	VMOVDQU Y1, 32(AX)
	VMOVDQU Y2, 64(AX)
	VMOVDQU Y3, 96(AX)
	VZEROUPPER
	RET

// func differVector(y, x, m *float32, groups int, w *Weights, t *Tally)
TEXT ·differVector(SB), NOSPLIT, $0-48
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ m+16(FP), DX
	MOVQ groups+24(FP), CX
	MOVQ w+32(FP), AX
	MOVQ t+40(FP), BX
	VBROADCASTSS 0(AX), Y15  // clip
	VXORPS Y13, Y13, Y13
	VSUBPS Y15, Y13, Y14     // -clip
	VBROADCASTSS 4(AX), Y12  // gradient weight, present
	VBROADCASTSS 8(AX), Y11  // hidden
	VBROADCASTSS 12(AX), Y10 // loss weight, present
	VBROADCASTSS 16(AX), Y9  // hidden
	VMOVUPS 0(BX), Y8        // loss
	VMOVUPS 32(BX), Y7       // count

next:
	VMOVUPS (DI), Y0
	VSUBPS (SI), Y0, Y0          // e = y - x
	VCMPPS $7, Y0, Y0, Y1        // e is a number
	VANDPS Y1, Y0, Y0
	VCMPPS $0, (DX), Y13, Y2     // hidden
	VBLENDVPS Y2, Y11, Y12, Y3   // gradient weight
	VBLENDVPS Y2, Y9, Y10, Y4    // loss weight
	VANDPS Y1, Y4, Y4
	VMINPS Y0, Y15, Y5
	VMAXPS Y5, Y14, Y5           // c
	VMULPS Y3, Y5, Y3
	VMOVUPS Y3, (DI)
	VSUBPS Y5, Y0, Y6
	VADDPS Y6, Y0, Y6            // e + (e - c)
	VMULPS Y6, Y5, Y6
	VMULPS Y4, Y6, Y6
	VADDPS Y6, Y8, Y8
	VADDPS Y4, Y7, Y7
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	DECQ CX
	JNZ  next

	VMOVUPS Y8, 0(BX)
	VMOVUPS Y7, 32(BX)
	VZEROUPPER
	RET

// func adamVector(p, d, m, v *float32, groups int, a *AdamStep)
TEXT ·adamVector(SB), NOSPLIT, $0-48
	MOVQ p+0(FP), DI
	MOVQ d+8(FP), SI
	MOVQ m+16(FP), R8
	MOVQ v+24(FP), R9
	MOVQ groups+32(FP), CX
	MOVQ a+40(FP), AX
	VBROADCASTSS 0(AX), Y15  // rate
	VBROADCASTSS 4(AX), Y14  // correct
	VBROADCASTSS 8(AX), Y13  // keepM
	VBROADCASTSS 12(AX), Y12 // addM
	VBROADCASTSS 16(AX), Y11 // keepV
	VBROADCASTSS 20(AX), Y10 // addV
	VBROADCASTSS 24(AX), Y9  // epsilon

next:
	VMOVUPS (SI), Y0
	VMULPS (R8), Y13, Y1
	VMULPS Y0, Y12, Y2
	VADDPS Y2, Y1, Y1      // m
	VMOVUPS Y1, (R8)
	VMULPS (R9), Y11, Y2
	VMULPS Y0, Y10, Y3
	VMULPS Y0, Y3, Y3
	VADDPS Y3, Y2, Y2      // v
	VMOVUPS Y2, (R9)
	VSQRTPS Y2, Y2
	VMULPS Y14, Y2, Y2
	VADDPS Y9, Y2, Y2
	VMULPS Y15, Y1, Y1
	VDIVPS Y2, Y1, Y1
	VMOVUPS (DI), Y0
	VSUBPS Y1, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	ADDQ $32, R8
	ADDQ $32, R9
	DECQ CX
	JNZ  next
	VZEROUPPER
	RET
