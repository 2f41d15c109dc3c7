#include "textflag.h"

// AVX2 kernels. Each lane makes the operations of the plain kernel of the same
// name in the same order, with separate multiplication and addition, so that
// the results have equal bits. Operands are in Go's order: sources first,
// destination last; VSUBPS a, b, c is c = b − a. The loops of the matrix
// products are aligned, because otherwise their speed is, by a twentieth, a
// matter of where the linker puts them.

// TERM adds x·w[at] to the accumulator.
#define TERM(at, x, acc, t) \
	VMULPS at, x, t    \
	VADDPS t, acc, acc

// TERMS4 and TERMS5 add x·w[at BX] to four and five accumulators of eight.
#define TERMS4(x, a0, a1, a2, a3, t0, t1, t2, t3) \
	TERM((BX), x, a0, t0)   \
	TERM(32(BX), x, a1, t1) \
	TERM(64(BX), x, a2, t2) \
	TERM(96(BX), x, a3, t3)

#define TERMS5(x, a0, a1, a2, a3, a4, t0, t1, t2, t3, t4) \
	TERMS4(x, a0, a1, a2, a3, t0, t1, t2, t3) \
	TERM(128(BX), x, a4, t4)

// STORE4 writes the first four accumulators to DI.
#define STORE4 \
	VMOVUPS Y0, (DI)   \
	VMOVUPS Y1, 32(DI) \
	VMOVUPS Y2, 64(DI) \
	VMOVUPS Y3, 96(DI)
