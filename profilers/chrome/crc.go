package chrome

// crcPoly is the reflected polynomial of CRC-32 as gzip uses it.
const crcPoly = 0xedb88320

// crcOne and crcX8 are the polynomials 1 and x^8 in the reflected order, where the top bit is the power zero.
const (
	crcOne = uint32(1) << 31
	crcX8  = uint32(1) << 23
)

// crcCombine is the checksum of two texts one after the other, given the checksum of each and the length of the second in
// bytes. Appending n bytes multiplies a checksum by x^(8n); the power is built by squaring, about a microsecond in all.
func crcCombine(first, second uint32, n int64) uint32 {
	power, square := crcOne, crcX8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = crcMul(power, square)
		}
		square = crcMul(square, square)
	}
	return crcMul(power, first) ^ second
}

// crcMul multiplies two polynomials over GF(2) modulo the CRC's.
func crcMul(a, b uint32) uint32 {
	var product uint32
	for ; a != 0; a <<= 1 {
		if a&crcOne != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ crcPoly
		} else {
			b >>= 1
		}
	}
	return product
}
