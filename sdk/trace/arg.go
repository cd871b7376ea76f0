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
	key  NameID
	typ  Type
	bits uint64
	text string
}

// Int is a 64-bit signed argument.
func Int(key NameID, v int64) Arg { return Arg{key: key, typ: TypeInt, bits: uint64(v)} }

// Float is a 64-bit floating-point argument. NaN and infinities are kept.
func Float(key NameID, v float64) Arg {
	return Arg{key: key, typ: TypeFloat, bits: math.Float64bits(v)}
}

// Bool is a truth value.
func Bool(key NameID, v bool) Arg {
	a := Arg{key: key, typ: TypeBool}
	if v {
		a.bits = 1
	}
	return a
}

// Text is an interned string: free at run time, for values that repeat (module: "blocks.3.attn.qkv").
func Text(key, v NameID) Arg { return Arg{key: key, typ: TypeName, bits: uint64(v)} }

// Shapes is an interned list of tensor shapes, written as JSON: Name("[[2,70,192],[192,576]]").
func Shapes(key, v NameID) Arg { return Arg{key: key, typ: TypeShapes, bits: uint64(v)} }

// String is a string known only at run time. It is copied into the recording, at most 1,024 bytes of it.
func String(key NameID, v string) Arg { return Arg{key: key, typ: TypeString, text: v} }
