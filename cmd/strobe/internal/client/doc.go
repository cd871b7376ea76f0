// Package client speaks Strobe's HTTP API: images, profiles and models, with typed requests, replies and errors.
//
//	client.go     how a call is made: base address, token, timeouts, errors
//	errors.go     what can go wrong: the server's error, no server at all
//	images.go     generate and edit images
//	profiles.go   start, stop, list, show, delete a profile, and wait for its export
//	list.go       lists of profiles, labels and pins
//	events.go     a profile's figures while it is made
//	tickets.go    links that need no token
//	artifacts.go  download an artifact and hold it against its checksum
//	models.go     what the server serves
package client
