server {
  profilers = []
}

flight_recorder {
  window    = "500ms"
  max_bytes = 64
  windows   = "30s"

  trigger "slow" {
    after = "1h"
  }
  trigger "slow" {
    slower_than = "2s"
  }
  trigger "p99" {
    factor      = 1
    slower_than = "2s"
  }
  trigger "error" {
    min_interval = "1ms"
  }
  trigger "dead" {
  }
  trigger "p99" "x" {
  }
  triger "death" {
  }
}

flight_recorder {
}

model "m" {
  stage "dit" {
    replicas = 7
  }
  stage "resize" {
  }
}

profiler "chrome" {
}
