server {
  model = "emoji"
  model = "emoji"
}

server {
}

profile {
}

profile {
}

model "emoji" {
  stage "dit" {
    config {
      device = "cpu"
      tls {
      }
      tls {
      }
    }
    config {
    }
  }
  stage "dit" {
  }
}

model "emoji" {
}

profiler "chrome" {
}

profiler "chrome" {
}
