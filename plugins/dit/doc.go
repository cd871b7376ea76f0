// Package dit is a model plugin: a diffusion transformer in pure Go, on the CPU.
//
// It draws emoji with the small model that is built in, or runs made-up weights at the scale of real models so that there is
// something to profile. README.md says how to configure it and what it costs.
//
// From the outside in:
//
//	dit.go         New, the configuration, loading
//	session.go     a request's way: words, noise, steps, pixels
//	options.go     what a request may ask for
//	tokens.go      prompts to words of the vocabulary
//	noise.go       noise that depends on the seed alone
//	pixels.go      images to patches and back
//	sampler.go     guidance and the Euler step
//	forward.go     the network, operator by operator
//	plan.go        the operators as they are recorded: names, shapes, flops
//	sizes.go       what decides the cost, and the closed formula of it
//	network.go     weights and buffers
//	matrix.go      matrix products; attention.go, elementwise.go the rest of the arithmetic
//	pool.go        workers; arena.go their memory
//	load.go        weights from a safetensors file; random.go made-up ones
package dit
