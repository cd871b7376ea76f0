# Plugins that are missing, of the wrong kind, shadowed, or unused.
server {
  model = "emoji"
}

model "emoji" {
  stage "diffusion" {
  }
  stage "resise" {
  }
  stage "third" {
    plugin = "mine"
  }
}

model "empty" {
}

profiler "chrme" {
}

profiler "mine" {
}

profiler "own" {
  plugin = "mini"
}

plugin "mine" {
  kind    = "profiler"
  command = ["./bin/mine"]
}

plugin "dit" {
  kind    = "model"
  command = ["./bin/dit"]
}

plugin "idle" {
  kind    = "model"
  command = ["./bin/idle"]
}

plugin "bare" {
}
