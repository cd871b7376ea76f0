# Values of the wrong type.
server {
  listen          = 8091
  model           = ["emoji"]
  profilers       = "chrome"
  queue           = "64"
  request_timeout = 300
  allowed_hosts   = ["strobe.example", 7, null]
  max_body        = 1048576
  api_key_file    = true
}

profile {
  keep      = 2.5
  max_bytes = { GiB = 1 }
}

model "emoji" {
  stage "dit" {
    replicas = "two"
    plugin   = 3
  }
}

profiler "chrome" {
}

plugin "mine" {
  kind    = 1
  command = "./bin/mine"
  sha256  = 12
}
