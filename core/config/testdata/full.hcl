server {
  listen             = "[::1]:0"
  model              = "b"
  profilers          = ["mine", "chrome"]
  runtime_dir        = "run"
  queue              = 0
  request_timeout    = "1m30s"
  allowed_hosts      = ["strobe.example", "::1", "*"]
  control_token_file = "/etc/strobe/token"
  read_token_file    = "look"
  api_key_file       = "../key"
  max_body           = "1.5MiB"
  access_log         = "warn"
  max_plugin_memory  = "4GiB"
  cgroup             = "/sys/fs/cgroup/strobe"
  tls {
    cert = "server.crt"
    key  = "/etc/strobe/server.key"
  }
  admin {
    listen = "unix:///run/strobe/admin.sock"
  }
  limits {
    starts_per_minute      = 6
    generations_per_minute = 600
    connections            = 100
    connections_per_client = 10
    header_timeout         = "5s"
    body_timeout           = "1m"
    idle_timeout           = "30s"
    stall_timeout          = "10s"
    max_header             = "8KiB"
  }
}
profile {
  dir          = "/var/strobe"
  max_duration = "1h"
  max_bytes    = "2GiB"
  keep         = 1

  max_total_bytes = "3GiB"
  max_age         = "168h"
  min_free_bytes  = "0B"
  sample_every    = 1000
  record_prompts  = true
  control         = "cuda_profiler_api"
}

model "a" {
  stage "dit" {
  }
}

model "b" {
  stage "first" {
    plugin   = "dit"
    replicas = 2

    max_memory       = "8GiB"
    progress_timeout = "0s"
    cancel_timeout   = "10s"
    config {
      whole  = 3.0
      part   = 0.25
      minus  = -1e2
      low    = -9223372036854775808
      paren  = (7)
      text   = "a $${b} \"c\"\n"
      empty  = ""
      yes    = true
      none   = null
      list   = [1, "two", [false], { three = 3 }]
      object = { a = { "b c" = 1 }, 4 = null, true = 2 }
      long   = <<-EOT
        two
        lines
      EOT
      tls {
        ca_file = "ca.pem"
        deep {
          deeper = 1
        }
      }
    }
  }
  stage "second" {
    plugin = "ours"
  }
}

profiler "chrome" {
  max_memory     = "512MiB"
  finish_timeout = "1m"
}

profiler "mine" {
}

plugin "mine" {
  kind    = "profiler"
  command = ["./bin/mine", "--flag", "./kept"]
  sha256  = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
}

plugin "ours" {
  kind    = "model"
  command = ["python3", "ours.py"]

  max_memory = "2GiB"
}

flight_recorder {
  window    = "10s"
  max_bytes = "128MiB"
  keep      = 3
  trigger "slow" {
    slower_than  = "2s"
    after        = "0s"
    min_interval = "10s"
  }
  trigger "p99" {
    factor = 2.5
  }
  trigger "error" {
  }
  trigger "death" {
  }
}
