//go:build linux && amd64 && !race

#include "textflag.h"

// func stampBegin(p unsafe.Pointer, head uint64) uint64
// Total store order makes the second store the commit.
TEXT ·stampBegin(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), DI
	MOVQ head+8(FP), SI
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, 8(DI)
	MOVQ SI, 0(DI)
	MOVQ AX, ret+16(FP)
	RET

// func stampEnd(p unsafe.Pointer) uint64
TEXT ·stampEnd(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), DI
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, 16(DI)
	MOVQ AX, ret+8(FP)
	RET
