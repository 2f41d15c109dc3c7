//go:build amd64 && !purego

#include "macros_amd64.h"

// func Prefetch(at unsafe.Pointer, from, lines int)
TEXT ·Prefetch(SB), NOSPLIT, $0-24
	MOVQ at+0(FP), SI
	MOVQ from+8(FP), AX
	MOVQ lines+16(FP), CX
	SHLQ $6, AX
	ADDQ AX, SI
	TESTQ CX, CX
	JLE  done

next:
	PREFETCHT1 (SI)
	ADDQ $64, SI
	DECQ CX
	JNZ  next

done:
	RET

// func project40(dst, x, w *float32, depth, n int)
TEXT ·project40(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), BX
	MOVQ depth+24(FP), CX
	MOVQ n+32(FP), R8
	SHLQ $2, R8
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9

	MOVQ CX, DX
	SHRQ $1, DX
	JZ   last

pair:
	VBROADCASTSS (SI), Y15
	TERMS5(Y15, Y0, Y1, Y2, Y3, Y4, Y10, Y11, Y12, Y13, Y14)
	ADDQ R8, BX
	VBROADCASTSS 4(SI), Y15
	TERMS5(Y15, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14)
	ADDQ R8, BX
	ADDQ $8, SI
	DECQ DX
	JNZ  pair

last:
	TESTQ $1, CX
	JZ    done
	VBROADCASTSS (SI), Y15
	TERMS5(Y15, Y0, Y1, Y2, Y3, Y4, Y10, Y11, Y12, Y13, Y14)

done:
	VADDPS Y5, Y0, Y0
	VADDPS Y6, Y1, Y1
	VADDPS Y7, Y2, Y2
	VADDPS Y8, Y3, Y3
	VADDPS Y9, Y4, Y4
	STORE4
	VMOVUPS Y4, 128(DI)
	VZEROUPPER
	RET

// func project8(dst, x, w *float32, depth, n int)
TEXT ·project8(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), BX
	MOVQ depth+24(FP), CX
	MOVQ n+32(FP), R8
	SHLQ $2, R8
	VXORPS Y0, Y0, Y0
	VXORPS Y5, Y5, Y5

	MOVQ CX, DX
	SHRQ $1, DX
	JZ   last

pair:
	VBROADCASTSS (SI), Y15
	TERM((BX), Y15, Y0, Y10)
	ADDQ R8, BX
	VBROADCASTSS 4(SI), Y15
	TERM((BX), Y15, Y5, Y11)
	ADDQ R8, BX
	ADDQ $8, SI
	DECQ DX
	JNZ  pair

last:
	TESTQ $1, CX
	JZ    done
	VBROADCASTSS (SI), Y15
	TERM((BX), Y15, Y0, Y10)

done:
	VADDPS Y5, Y0, Y0
	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET

// SCALES loads four scalings at DX: zc, zw, ac and aw of four features.
#define SCALES(zc, zw, ac, aw, t0, t1, t2, t3) \
	VMOVUPD (DX), t0               \
	VMOVUPD 32(DX), t1             \
	VMOVUPD 64(DX), t2             \
	VMOVUPD 96(DX), t3             \
	VUNPCKLPD t1, t0, zc           \
	VUNPCKHPD t1, t0, zw           \
	VUNPCKLPD t3, t2, ac           \
	VUNPCKHPD t3, t2, aw           \
	VPERM2F128 $0x20, ac, zc, t0   \
	VPERM2F128 $0x20, aw, zw, t1   \
	VPERM2F128 $0x31, ac, zc, ac   \
	VPERM2F128 $0x31, aw, zw, aw   \
	VMOVAPD t0, zc                 \
	VMOVAPD t1, zw

// func standardiseVector(z, a, x *float64, by *Scaling, n int, table *[16][4]float64)
TEXT ·standardiseVector(SB), NOSPLIT, $0-48
	MOVQ z+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ x+16(FP), BX
	MOVQ by+24(FP), DX
	MOVQ n+32(FP), CX
	MOVQ table+40(FP), AX
	VMOVUPD 64(AX), Y14          // 1
	VMOVUPD 96(AX), Y13          // the sign

next:
	SCALES(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	VMOVUPD (BX), Y4
	VSUBPD Y0, Y4, Y5
	VDIVPD Y1, Y5, Y5
	VMOVUPD (AX), Y6
	VXORPD Y13, Y6, Y7
	VMINPD Y6, Y5, Y5
	VMAXPD Y7, Y5, Y5
	VMOVUPD Y5, (DI)             // z
	VSUBPD Y2, Y4, Y5
	VDIVPD Y3, Y5, Y5
	VMOVUPD 32(AX), Y6
	VXORPD Y13, Y6, Y7
	VMINPD Y6, Y5, Y5
	VMAXPD Y7, Y5, Y5
	VANDPD Y13, Y5, Y15          // the sign of x
	VANDNPD Y5, Y13, Y1          // t
	VMULPD Y1, Y1, Y2            // q
	VADDPD Y14, Y2, Y3
	VSQRTPD Y3, Y3
	VADDPD Y14, Y3, Y3
	VDIVPD Y3, Y2, Y3
	VADDPD Y3, Y1, Y3            // u
	VADDPD Y14, Y3, Y4           // w
	VSUBPD Y14, Y4, Y5
	VSUBPD Y5, Y3, Y5
	VDIVPD Y4, Y5, Y5            // c
	VPADDQ 128(AX), Y4, Y6       // bits
	VPSRLQ $52, Y6, Y7
	VPOR 160(AX), Y7, Y7
	VSUBPD 192(AX), Y7, Y7       // k
	VPAND 224(AX), Y6, Y6
	VPADDQ 256(AX), Y6, Y6
	VSUBPD Y14, Y6, Y6           // f
	VADDPD Y14, Y14, Y9          // 2
	VADDPD Y9, Y6, Y9
	VDIVPD Y9, Y6, Y9            // s
	VMULPD halves<>(SB), Y6, Y8
	VMULPD Y6, Y8, Y8            // half
	VMULPD Y9, Y9, Y10           // s2
	VMULPD Y10, Y10, Y11         // s4
	VMULPD 448(AX), Y11, Y12
	VADDPD 384(AX), Y12, Y12
	VMULPD Y11, Y12, Y12
	VADDPD 320(AX), Y12, Y12
	VMULPD Y11, Y12, Y12         // even
	VMULPD 480(AX), Y11, Y0
	VADDPD 416(AX), Y0, Y0
	VMULPD Y11, Y0, Y0
	VADDPD 352(AX), Y0, Y0
	VMULPD Y11, Y0, Y0
	VADDPD 288(AX), Y0, Y0
	VMULPD Y10, Y0, Y0           // odd
	VADDPD Y12, Y0, Y0
	VADDPD Y0, Y8, Y0
	VMULPD Y0, Y9, Y0
	VMULPD ln2lows<>(SB), Y7, Y1
	VADDPD Y5, Y1, Y1
	VADDPD Y1, Y0, Y0            // r
	VSUBPD Y8, Y0, Y0
	VADDPD Y6, Y0, Y0
	VMULPD ln2highs<>(SB), Y7, Y1
	VADDPD Y1, Y0, Y0
	VORPD Y15, Y0, Y0
	VMOVUPD Y0, (SI)             // a
	ADDQ $32, BX
	ADDQ $128, DX
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $4, CX
	JNZ  next
	VZEROUPPER
	RET

// ½ and ln 2 in two parts, four times each; a third and 3 below.
DATA halves<>+0(SB)/8, $0.5
DATA halves<>+8(SB)/8, $0.5
DATA halves<>+16(SB)/8, $0.5
DATA halves<>+24(SB)/8, $0.5
GLOBL halves<>(SB), RODATA|NOPTR, $32
DATA ln2lows<>+0(SB)/8, $1.90821492927058770002e-10
DATA ln2lows<>+8(SB)/8, $1.90821492927058770002e-10
DATA ln2lows<>+16(SB)/8, $1.90821492927058770002e-10
DATA ln2lows<>+24(SB)/8, $1.90821492927058770002e-10
GLOBL ln2lows<>(SB), RODATA|NOPTR, $32
DATA ln2highs<>+0(SB)/8, $6.93147180369123816490e-01
DATA ln2highs<>+8(SB)/8, $6.93147180369123816490e-01
DATA ln2highs<>+16(SB)/8, $6.93147180369123816490e-01
DATA ln2highs<>+24(SB)/8, $6.93147180369123816490e-01
GLOBL ln2highs<>(SB), RODATA|NOPTR, $32
DATA threes<>+0(SB)/8, $3.0
DATA threes<>+8(SB)/8, $3.0
DATA threes<>+16(SB)/8, $3.0
DATA threes<>+24(SB)/8, $3.0
GLOBL threes<>(SB), RODATA|NOPTR, $32

// func recentreVector(evidence, centre *float64, r, rms *float32, counts *bool, n int, rate float64, sums *[4]float64)
TEXT ·recentreVector(SB), NOSPLIT, $0-64
	MOVQ evidence+0(FP), DI
	MOVQ centre+8(FP), SI
	MOVQ r+16(FP), BX
	MOVQ rms+24(FP), DX
	MOVQ counts+32(FP), R8
	MOVQ n+40(FP), CX
	VBROADCASTSD rate+48(FP), Y14
	MOVQ sums+56(FP), AX
	VMOVUPD (AX), Y12
	VXORPD Y13, Y13, Y13
	VMOVUPD threes<>(SB), Y11

next:
	VCVTPS2PD (BX), Y0           // r
	VCVTPS2PD (DX), Y1           // rms
	VMOVUPD (SI), Y2             // centre
	VPMOVZXBQ (R8), Y6
	VPCMPGTQ Y13, Y6, Y6         // where it counts
	VSUBPD Y2, Y0, Y0            // d
	VMULPD Y11, Y1, Y3
	VSUBPD Y3, Y13, Y4
	VMINPD Y3, Y0, Y5
	VMAXPD Y4, Y5, Y5
	VMULPD Y14, Y5, Y5
	VANDPD Y6, Y5, Y5
	VADDPD Y5, Y2, Y2
	VMOVUPD Y2, (SI)
	VDIVPD Y1, Y0, Y0
	VMULPD Y0, Y0, Y0
	VANDPD Y6, Y0, Y0
	VMOVUPD Y0, (DI)
	VADDPD Y0, Y12, Y12
	ADDQ $16, BX
	ADDQ $16, DX
	ADDQ $4, R8
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $4, CX
	JNZ  next
	VMOVUPD Y12, (AX)
	VZEROUPPER
	RET

// func temperVector(parts, evidence *float64, n int, scale float64)
TEXT ·temperVector(SB), NOSPLIT, $0-32
	MOVQ parts+0(FP), DI
	MOVQ evidence+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSD scale+24(FP), Y14

next:
	VSQRTPD (SI), Y0
	VSQRTPD Y0, Y1
	VMULPD Y1, Y0, Y0
	VMULPD Y14, Y0, Y0
	VADDPD (DI), Y0, Y0
	VMOVUPD Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $4, CX
	JNZ  next
	VZEROUPPER
	RET

// func followVector(average, v *float32, n int, rate float32)
TEXT ·followVector(SB), NOSPLIT, $0-28
	MOVQ average+0(FP), DI
	MOVQ v+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS rate+24(FP), Y14

next:
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y1
	VSUBPS Y0, Y1, Y1
	VMULPS Y14, Y1, Y1
	VADDPS Y1, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  next
	VZEROUPPER
	RET

// func mixVector(sums, x, w *float32, n int)
TEXT ·mixVector(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), BX
	MOVQ n+24(FP), CX

next:
	VMOVUPS (SI), Y0
	VMULPS (BX), Y0, Y0
	VADDPS (DI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  next
	VZEROUPPER
	RET

// func travelVector(jump, moves, now *float32, stride int, z, old *float64, n int)
TEXT ·travelVector(SB), NOSPLIT, $0-56
	MOVQ jump+0(FP), DI
	MOVQ moves+8(FP), SI
	MOVQ now+16(FP), BX
	MOVQ stride+24(FP), R8
	MOVQ z+32(FP), DX
	MOVQ old+40(FP), R10
	MOVQ n+48(FP), CX
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9
	LEAQ (SI)(R9*1), R11         // row 3
	VMOVUPD threes<>(SB), Y14

next:
	VMOVUPD (DX), Y0
	VSUBPD (R10), Y0, Y1
	VMOVUPD Y0, (R10)
	VDIVPD Y14, Y1, Y1
	VCVTPD2PSY Y1, X1
	VMULPS X1, X1, X1
	VMOVUPS X1, (BX)
	VMOVUPS (SI), X2
	VADDPS (SI)(R8*1), X2, X2
	VADDPS (SI)(R8*2), X2, X2
	VADDPS (R11), X2, X2
	VADDPS (R11)(R8*1), X2, X2
	VADDPS (R11)(R8*2), X2, X2
	VSQRTPS X2, X2
	VMOVUPS X2, (DI)
	ADDQ $32, DX
	ADDQ $32, R10
	ADDQ $16, BX
	ADDQ $16, SI
	ADDQ $16, R11
	ADDQ $16, DI
	SUBQ $4, CX
	JNZ  next
	VZEROUPPER
	RET

// func residualVector(dst *float32, x *float64, y *float32, n int)
TEXT ·residualVector(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), BX
	MOVQ n+24(FP), CX

next:
	VCVTPD2PSY (SI), X0
	VSUBPS (BX), X0, X0
	VMOVUPS X0, (DI)
	ADDQ $32, SI
	ADDQ $16, BX
	ADDQ $16, DI
	SUBQ $4, CX
	JNZ  next
	VZEROUPPER
	RET

// func boundVector(expected, low, high, z *float64, down, up *float32, by *Scaling, within *Range, n int)
TEXT ·boundVector(SB), NOSPLIT, $0-72
	MOVQ expected+0(FP), DI
	MOVQ low+8(FP), SI
	MOVQ high+16(FP), R8
	MOVQ z+24(FP), BX
	MOVQ down+32(FP), R9
	MOVQ up+40(FP), R10
	MOVQ by+48(FP), DX
	MOVQ within+56(FP), R11
	MOVQ n+64(FP), CX

next:
	SCALES(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	VMOVUPD (R11), Y4            // min0 max0 min1 max1
	VMOVUPD 32(R11), Y5
	VPERM2F128 $0x20, Y5, Y4, Y6 // min0 max0 min2 max2
	VPERM2F128 $0x31, Y5, Y4, Y7 // min1 max1 min3 max3
	VUNPCKLPD Y7, Y6, Y2         // min
	VUNPCKHPD Y7, Y6, Y3         // max
	VMOVUPD (BX), Y4             // z
	VCVTPS2PD (R9), Y5
	VCVTPS2PD (R10), Y6
	VADDPD Y4, Y5, Y5
	VADDPD Y4, Y6, Y6
	VMULPD Y1, Y4, Y4
	VMULPD Y1, Y5, Y5
	VMULPD Y1, Y6, Y6
	VADDPD Y0, Y4, Y4            // expected
	VADDPD Y0, Y5, Y5
	VADDPD Y0, Y6, Y6
	VMINPD Y4, Y5, Y5            // low
	VMAXPD Y4, Y6, Y6            // high
	VMAXPD Y2, Y4, Y4
	VMAXPD Y2, Y5, Y5
	VMAXPD Y2, Y6, Y6
	VMINPD Y3, Y4, Y4
	VMINPD Y3, Y5, Y5
	VMINPD Y3, Y6, Y6
	VMOVUPD Y4, (DI)
	VMOVUPD Y5, (SI)
	VMOVUPD Y6, (R8)
	ADDQ $32, BX
	ADDQ $16, R9
	ADDQ $16, R10
	ADDQ $128, DX
	ADDQ $64, R11
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, R8
	SUBQ $4, CX
	JNZ  next
	VZEROUPPER
	RET
