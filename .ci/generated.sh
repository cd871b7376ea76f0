#!/usr/bin/env bash
# Generates the committed code again and fails when it differs.
set -euo pipefail
before=$(git status --porcelain -- sdk | sha256sum; git diff -- sdk | sha256sum)
buf generate
go generate ./...
after=$(git status --porcelain -- sdk | sha256sum; git diff -- sdk | sha256sum)
[ "$before" = "$after" ] || { echo "generated code is stale: run make generate and commit"; git status --short -- sdk; exit 1; }
