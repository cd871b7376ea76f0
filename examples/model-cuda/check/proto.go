package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message of Protocol Buffers: a number, or bytes.
type field struct {
	number int
	value  uint64
	bytes  []byte
}

// eachField calls f for each field of a message.
func eachField(message []byte, f func(field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("read a message: %w", protowire.ParseError(n))
		}
		message = message[n:]
		one := field{number: int(number)}
		switch kind {
		case protowire.VarintType:
			one.value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			one.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return fmt.Errorf("read field %d of a message: %w", number, protowire.ParseError(n))
		}
		message = message[n:]
		if err := f(one); err != nil {
			return err
		}
	}
	return nil
}

// eachMessage calls f for each message that is reached by a path of field numbers.
func eachMessage(message []byte, path []int, f func([]byte) error) error {
	if len(path) == 0 {
		return f(message)
	}
	return eachField(message, func(one field) error {
		if one.number != path[0] {
			return nil
		}
		return eachMessage(one.bytes, path[1:], f)
	})
}
