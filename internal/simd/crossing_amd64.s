//go:build amd64 && !purego

#include "macros_amd64.h"

// func gather32(c, x *float32, rows *int32, count int, w *float32, ws int)
TEXT ·gather32(SB), NOSPLIT, $0-48
	MOVQ c+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ count+24(FP), CX
	MOVQ w+32(FP), AX
	MOVQ ws+40(FP), R8
	SHLQ $2, R8
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

next:
	MOVLQSX (DX), R9
	VBROADCASTSS (SI)(R9*4), Y4
	IMULQ R8, R9
	LEAQ (AX)(R9*1), BX
	TERMS4(Y4, Y0, Y1, Y2, Y3, Y5, Y6, Y7, Y8)
	ADDQ $4, DX
	DECQ CX
	JNZ  next

	STORE4
	VZEROUPPER
	RET

// func gather8(c, x *float32, rows *int32, count int, w *float32, ws int)
TEXT ·gather8(SB), NOSPLIT, $0-48
	MOVQ c+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ count+24(FP), CX
	MOVQ w+32(FP), BX
	MOVQ ws+40(FP), R8
	SHLQ $2, R8
	VXORPS Y0, Y0, Y0

next:
	MOVLQSX (DX), R9
	VBROADCASTSS (SI)(R9*4), Y4
	IMULQ R8, R9
	TERM((BX)(R9*1), Y4, Y0, Y5)
	ADDQ $4, DX
	DECQ CX
	JNZ  next

	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET

// func othersVector(c, sums, masks, b *float32, n int)
TEXT ·othersVector(SB), NOSPLIT, $0-40
	MOVQ c+0(FP), DI
	MOVQ sums+8(FP), SI
	MOVQ masks+16(FP), DX
	MOVQ b+24(FP), BX
	MOVQ n+32(FP), CX
	MOVQ CX, R8
	SHLQ $2, R8          // a row in bytes
	LEAQ (R8)(R8*2), R9  // three of them

next:
	VMOVUPS (SI), Y0
	VADDPS (DX), Y0, Y0
	VMOVUPS (SI)(R8*1), Y1
	VADDPS (DX)(R8*1), Y1, Y1
	VMOVUPS (SI)(R8*2), Y2
	VADDPS (DX)(R8*2), Y2, Y2
	VMOVUPS (SI)(R9*1), Y3
	VADDPS (DX)(R9*1), Y3, Y3
	VMOVUPS (BX), Y4
	VADDPS Y1, Y4, Y5
	VADDPS Y2, Y5, Y5
	VADDPS Y3, Y5, Y5
	VMOVUPS Y5, (DI)
	VADDPS Y0, Y4, Y4
	VADDPS Y2, Y4, Y5
	VADDPS Y3, Y5, Y5
	VMOVUPS Y5, (DI)(R8*1)
	VADDPS Y1, Y4, Y4
	VADDPS Y3, Y4, Y5
	VMOVUPS Y5, (DI)(R8*2)
	VADDPS Y2, Y4, Y5
	VMOVUPS Y5, (DI)(R9*1)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  next
	VZEROUPPER
	RET

// func transposeVector(c, a *float32, k int)
TEXT ·transposeVector(SB), NOSPLIT, $0-24
	MOVQ c+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ k+16(FP), CX
	MOVQ CX, R8
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9

next:
	VMOVUPS (SI), X0
	VMOVUPS (SI)(R8*1), X1
	VMOVUPS (SI)(R8*2), X2
	VMOVUPS (SI)(R9*1), X3
	VUNPCKLPS X1, X0, X4
	VUNPCKLPS X3, X2, X5
	VUNPCKHPS X1, X0, X6
	VUNPCKHPS X3, X2, X7
	VMOVLHPS X5, X4, X0
	VMOVHLPS X4, X5, X1
	VMOVLHPS X7, X6, X2
	VMOVHLPS X6, X7, X3
	VMOVUPS X0, (DI)
	VMOVUPS X1, 16(DI)
	VMOVUPS X2, 32(DI)
	VMOVUPS X3, 48(DI)
	ADDQ $16, SI
	ADDQ $64, DI
	SUBQ $4, CX
	JNZ  next
	RET

// PICK adds the chosen values of Y15 times eight weights.
#define PICK(at, index, acc, t) \
	VPERMILPS index, Y15, t \
	TERM(at, t, acc, t)

// func pick40(c, a *float32, group *uint8, w, b *float32, k, n int)
TEXT ·pick40(SB), NOSPLIT, $0-56
	MOVQ c+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ group+16(FP), DX
	MOVQ w+24(FP), BX
	MOVQ b+32(FP), AX
	MOVQ k+40(FP), CX
	MOVQ n+48(FP), R8
	SHLQ $2, R8
	VPMOVZXBD (DX), Y5
	VPMOVZXBD 8(DX), Y6
	VPMOVZXBD 16(DX), Y7
	VPMOVZXBD 24(DX), Y8
	VPMOVZXBD 32(DX), Y9
	VMOVUPS (AX), Y0
	VMOVUPS 32(AX), Y1
	VMOVUPS 64(AX), Y2
	VMOVUPS 96(AX), Y3
	VMOVUPS 128(AX), Y4

next:
	VBROADCASTF128 (SI), Y15
	PICK((BX), Y5, Y0, Y10)
	PICK(32(BX), Y6, Y1, Y11)
	PICK(64(BX), Y7, Y2, Y12)
	PICK(96(BX), Y8, Y3, Y13)
	PICK(128(BX), Y9, Y4, Y14)
	ADDQ $16, SI
	ADDQ R8, BX
	DECQ CX
	JNZ  next

	STORE4
	VMOVUPS Y4, 128(DI)
	VZEROUPPER
	RET

// func pick8(c, a *float32, group *uint8, w, b *float32, k, n int)
TEXT ·pick8(SB), NOSPLIT, $0-56
	MOVQ c+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ group+16(FP), DX
	MOVQ w+24(FP), BX
	MOVQ b+32(FP), AX
	MOVQ k+40(FP), CX
	MOVQ n+48(FP), R8
	SHLQ $2, R8
	VPMOVZXBD (DX), Y5
	VMOVUPS (AX), Y0

next:
	VBROADCASTF128 (SI), Y15
	PICK((BX), Y5, Y0, Y10)
	ADDQ $16, SI
	ADDQ R8, BX
	DECQ CX
	JNZ  next

	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET
