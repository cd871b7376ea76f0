//go:build !race

#include "textflag.h"

// func stampBegin(p unsafe.Pointer, head uint64) uint64
// The store-release of the head is the commit; the load-acquire of the epoch that follows in Go is not moved before it.
TEXT ·stampBegin(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD head+8(FP), R1
	MRS  CNTVCT_EL0, R2
	MOVD R2, 8(R0)
	STLR R1, (R0)
	MOVD R2, ret+16(FP)
	RET

// func stampEnd(p unsafe.Pointer) uint64
TEXT ·stampEnd(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	ADD  $16, R0
	MRS  CNTVCT_EL0, R2
	STLR R2, (R0)
	MOVD R2, ret+8(FP)
	RET
