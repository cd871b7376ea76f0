package trace

import "math"

// Type is the type of an argument's value.
type Type uint8

// Types of argument. The numbers are part of the recording format.
const (
	TypeInt    Type = 1 + iota // int64
	TypeFloat                  // float64
	TypeBool                   // 0 or 1
	TypeName                   // an interned string
	TypeString                 // bytes that follow the record
	TypeShapes                 // an interned JSON array of integer arrays: [[2,70,192],[192,576]]
)

// Arg is a typed argument of an event: a key, a type and a value in 16 bytes, and for [String] the text.
type Arg struct {
	word uint64 // type and key, as a segment holds them
	bits uint64 // the value; of a String its length
	text string
}

func makeArg(t Type, key NameID, bits uint64) Arg {
	return Arg{word: uint64(t) | uint64(key)<<32, bits: bits}
}

// Int is a 64-bit signed argument.
func Int(key NameID, v int64) Arg { return makeArg(TypeInt, key, uint64(v)) }

// Float is a 64-bit floating-point argument. NaN and infinities are kept.
func Float(key NameID, v float64) Arg { return makeArg(TypeFloat, key, math.Float64bits(v)) }

// Bool is a truth value.
func Bool(key NameID, v bool) Arg {
	var b uint64
	if v {
		b = 1
	}
	return makeArg(TypeBool, key, b)
}

// Text is an interned string: free at run time, for values that repeat (module: "blocks.3.attn.qkv").
func Text(key, v NameID) Arg { return makeArg(TypeName, key, uint64(v)) }

// Shapes is an interned list of tensor shapes, written as JSON: Name("[[2,70,192],[192,576]]").
func Shapes(key, v NameID) Arg { return makeArg(TypeShapes, key, uint64(v)) }

// String is a string known only at run time. It is copied into the recording, at most 1,024 bytes of it.
func String(key NameID, v string) Arg {
	a := makeArg(TypeString, key, uint64(len(v)))
	a.text = v
	return a
}
