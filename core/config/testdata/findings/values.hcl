# Values of the right type that cannot be.
server {
  listen             = "8091"
  model              = "emojy"
  profilers          = ["chrom", "chrome", "chrome"]
  queue              = -1
  request_timeout    = "5 minutes"
  allowed_hosts      = ["http://strobe.example", "strobe.example:80", ""]
  max_body           = "32"
  control_token_file = ""
  access_log         = "verbose"
}

profile {
  dir          = ""
  max_duration = "0s"
  max_bytes    = "1MiB"
  keep         = 0

  max_total_bytes = "1GB"
  max_age         = "7d"
  min_free_bytes  = -1
  sample_every    = "1/1000"
}

model "emoji" {
  stage "dit" {
    replicas = 65
  }
  stage "resize" {
    replicas = 0
    plugin   = ""
  }
}

profiler "chrome" {
}

plugin "mine" {
  kind    = "profilers"
  command = []
  sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
}
