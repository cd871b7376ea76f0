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
